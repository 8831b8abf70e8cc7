//! `kubarium`: the web page and its sessions in one program.

use std::process::ExitCode;

use rust_embed::Embed;
use server::Page;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The page as it was when the program was built; no file where it was built without one.
#[derive(Embed)]
#[folder = "../dist/"]
#[allow_missing = true]
struct Dist;

fn main() -> ExitCode {
    let files = || Dist::iter().filter_map(|name| Some((name.to_string(), Dist::get(&name)?.data)));
    server::main(|| Page::new(files()))
}
