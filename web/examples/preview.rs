//! Writes every page with sample data into a folder, to be looked at in a browser: `cargo run -p sickbay-web --example preview FOLDER`.
//!
//! Addresses of assets are made relative, so that the files can be opened without a server. Links between pages lead nowhere.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use sickbay_web::{Theme, asset};

#[path = "../tests/it/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("name a folder to write into")?);
    let assets = folder.join("assets");
    fs::create_dir_all(&assets)?;
    for asset in asset::all() {
        fs::write(assets.join(asset.name), asset.bytes)?;
    }
    for (suffix, theme) in [("", Theme::Light), ("-dark", Theme::Dark)] {
        let sample = sample::Sample::new(&str::to_owned, theme);
        let suggestions = ("suggestions", sample.suggestions().render());
        for (name, html) in sample.pages().into_iter().chain([suggestions]) {
            let html = html.replace(&format!("\"{}", asset::PREFIX), "\"assets/");
            fs::write(folder.join(format!("{name}{suffix}.html")), html)?;
        }
    }
    Ok(())
}
