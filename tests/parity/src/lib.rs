//! The engine in WebAssembly: plays a scenario and says what state it ends in (`parity.mjs` compares it with what
//! `kubarium run` says).

use shared::scenario::Scenario;
use shared::session::Player;
use wasm_bindgen::prelude::wasm_bindgen;

/// Plays a scenario file to its end; the answer is the state's hash.
///
/// # Errors
/// Why the scenario is refused.
#[wasm_bindgen]
pub fn play(scenario: &str) -> Result<String, String> {
    let scenario = Scenario::parse(scenario).map_err(|error| error.to_string())?;
    let mut player = Player::new(scenario, 0).map_err(|error| error.to_string())?;
    player.run_to_end();
    Ok(player.hash().to_string())
}
