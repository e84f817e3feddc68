//! `keiki-bindgen IN.wasm FOLDER`: writes `app.js` and `app_bg.wasm` into the folder.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: keiki-bindgen IN.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    let made = Bindgen::new()
        .input_path(input)
        .out_name("app")
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keiki-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
