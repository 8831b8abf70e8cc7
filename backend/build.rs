//! Embeds the page again when it was built again, and also when it is there for the first time.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../dist");
}
