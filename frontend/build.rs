//! Turns `public/locales/*.json` into the module `i18n`, so that a missing or misspelt text fails the build.

#[cfg(not(feature = "page"))]
fn main() {}

#[cfg(feature = "page")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use leptos_i18n_build::{Config, ParseOptions, TranslationsInfos};

    println!("cargo::rerun-if-changed=build.rs");
    let out = std::path::PathBuf::from(
        std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through Cargo")?,
    );
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // Where the programs' constants begin and end (scripts/data.mjs), beside them: OUT_DIR is build/<name>/out.
        let beside = out.ancestors().nth(3).ok_or("OUT_DIR is not where Cargo puts it")?;
        for program in ["app", "worker"] {
            let map = beside.join(program).with_extension("map");
            println!("cargo::rustc-link-arg-bin={program}=-Map={}", map.display());
        }
    }
    // Texts with numbers and names in them are also wanted as plain strings, for attributes.
    let options = ParseOptions::new().interpolate_display(true);
    let config =
        Config::new("en")?.add_locale("ja")?.locales_path("../public/locales").parse_options(options);
    let locales = TranslationsInfos::parse(config)?;
    locales.emit_diagnostics();
    locales.rerun_if_locales_changed();
    locales.generate_i18n_module(out.join("i18n"))?;
    Ok(())
}
