//! Gives the Windows program what its properties show, and what inventories read: whose it is, and its version.

use std::env;

use winresource::WindowsResource;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return;
    }
    let mut resource = WindowsResource::new();
    resource
        .set("ProductName", "Sickbay")
        .set("CompanyName", "Sickbay")
        .set("FileDescription", "Sickbay Collector")
        .set("InternalName", "sickbay-collector")
        .set("OriginalFilename", "sickbay-collector.exe");
    // A developer's Windows may lack the resource compiler; `cargo xtask dist` fails without the properties.
    if let Err(error) = resource.compile_for("sickbay-collector") {
        println!("cargo::warning=the program tells no version in its properties: {error}");
    }
}
