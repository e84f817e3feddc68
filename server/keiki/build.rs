//! Puts the built site into the binary: reads the manifest that `public/build.mjs` wrote and generates the table that
//! `src/main.rs` includes. Without a site the table is empty, so that `cargo test` needs no Node.js.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

fn main() -> Result<(), Box<dyn Error>> {
    let site = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../target/site");
    let manifest_path = site.join("manifest.json");
    if !manifest_path.exists() {
        write_empty(&manifest_path)?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", manifest_path.display());

    let manifest = fs::read_to_string(&manifest_path)?;
    let version = env::var("CARGO_PKG_VERSION")?;
    let table = generate(&site.canonicalize()?, &manifest, &version)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

/// Cargo runs a build script again at every build while a file that it watches is missing, and compiles the server
/// again each time. An empty manifest, older than this run, prevents that.
fn write_empty(manifest_path: &Path) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = manifest_path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(manifest_path, "{}\n")?;
    File::options()
        .write(true)
        .open(manifest_path)?
        .set_modified(SystemTime::UNIX_EPOCH)?;
    Ok(())
}

fn generate(site: &Path, manifest: &str, version: &str) -> Result<String, Box<dyn Error>> {
    let mut table = String::from("const SITE: Site = Site { assets: &[\n");
    // A flat object of plain file names: what stands between quotes is, in turn, a logical and a hashed name.
    let mut names = manifest.split('"').skip(1).step_by(2);
    while let (Some(logical), Some(name)) = (names.next(), names.next()) {
        let path = site.join(name);
        let path = path.to_str().ok_or("the project's path is not UTF-8")?;
        let hash = name.split('.').nth(1).ok_or_else(|| format!("{name} has no hash"))?;
        writeln!(
            table,
            "    assets::Asset {{ logical: {logical:?}, name: {name:?}, content_type: {:?}, etag: {:?}, \
             identity: include_bytes!({path:?}), \
             brotli: include_bytes!({:?}), \
             gzip: include_bytes!({:?}) }},",
            content_type(name)?,
            // Weak, because the compressed forms share it.
            format!("W/\"{hash}\""),
            format!("{path}.br"),
            format!("{path}.gz"),
        )?;
    }
    table.push_str("],\n");
    // The names hold the hashes of the contents.
    writeln!(table, "build_id: \"{:016x}\" }};", fnv1a(&[manifest, version].concat()))?;
    Ok(table)
}

fn content_type(name: &str) -> Result<&'static str, String> {
    match name.rsplit('.').next() {
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("wasm") => Ok("application/wasm"),
        Some("svg") => Ok("image/svg+xml"),
        _ => Err(format!("{name} is of a kind that server/keiki/build.rs does not know")),
    }
}

/// FNV-1a, 64 bits: the standard library's hashers may differ from one compiler to the next.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
