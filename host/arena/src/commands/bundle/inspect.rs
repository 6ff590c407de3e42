//! `arena bundle inspect`.

use std::fs;
use std::path::{Path, PathBuf};

use arena_bundle::archive::unpack;
use arena_bundle::{Bundle, ComponentSpec, Limits};
use arena_model::Fault as _;
use arena_plan::Plan;
use arena_source::oci::{Artifact, ConfigLayer};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::remote::{Options, Remote};
use super::{row, run_until_stopped, unwritable};
use crate::exit::{Exit, Failure, OrFail};
use crate::files;
use crate::output::println;
use crate::terminal::line;
use crate::work::load_bundle;

/// Arguments of `arena bundle inspect`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of a bundle, its arena file, FILE.tar of `arena bundle pack`, or oci://HOST/REPOSITORY:TAG.
    bundle: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    remote: Options,
}

/// Forms of output.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A word and its value a line.
    Text,
    /// One JSON object.
    Json,
}

/// Prints what the bundle holds; of one in a registry, what its artifact says, without a layer.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { bundle: path, format, remote } = arguments;
    if let Some(url) = path.to_str().filter(|text| text.starts_with("oci://")) {
        let remote = remote.open(url.to_owned())?;
        return run_until_stopped(async {
            let artifact = remote.inspect(&remote.fetcher(&std::env::temp_dir())).await?;
            print_artifact(&remote, &artifact, format);
            Ok(Exit::Passed)
        });
    }
    if path.is_file() && path.extension().is_some_and(|extension| extension == "tar") {
        let scratch = tempfile::tempdir().map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
        print_bundle(&load_bundle(&unpacked(&path, scratch.path())?)?, format);
    } else {
        print_bundle(&load_bundle(&path)?, format);
    }
    Ok(Exit::Passed)
}

/// Unpacks an archive into a folder of its name, which a bundle without a name is called after.
fn unpacked(archive: &Path, scratch: &Path) -> Result<PathBuf, Failure> {
    let folder = scratch.join(archive.file_stem().unwrap_or_default());
    let failed = |error: std::io::Error| unwritable(&folder, &error);
    fs::create_dir(&folder).map_err(failed)?;
    let to = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(failed)?;
    unpack(files::open(archive)?, &to, &Limits::default()).or_fail()?;
    Ok(folder)
}

fn print_bundle(bundle: &Bundle, format: Format) {
    let planned = arena_plan::input(bundle).and_then(|input| Plan::new(&input));
    // How many rows its tables have is not read here.
    let has_tables = bundle.scenarios.iter().any(|scenario| scenario.dataset.is_some());
    let components: Vec<&ComponentSpec> = bundle.components.iter().chain(&bundle.template).collect();
    if let Format::Json = format {
        let file =
            |file: &arena_bundle::BundleFile| json!({"path": file.path, "size": file.size, "digest": file.digest});
        let component = |spec: &&ComponentSpec| json!({"name": spec.name, "path": spec.component, "digest": spec.digest, "grants": spec.grants});
        let whole = json!({
            "name": bundle.name,
            "entry": bundle.entry,
            "bundleDigest": bundle.digest,
            "scenarios": bundle.scenarios.len(),
            "providers": bundle.providers.len(),
            "cases": planned.as_ref().ok().filter(|_| !has_tables).map(Plan::len),
            "components": components.iter().map(component).collect::<Vec<Value>>(),
            "files": bundle.files.iter().map(file).collect::<Vec<Value>>(),
        });
        println!("{whole:#}");
        return;
    }
    row("name", line(&bundle.name));
    row("entry", line(&bundle.entry));
    row("bundle", &bundle.digest);
    row("scenarios", bundle.scenarios.len());
    row("providers", bundle.providers.len());
    match planned {
        Ok(plan) if has_tables => row("cases", format_args!("{} and more, by the rows of tables", plan.len())),
        Ok(plan) => row("cases", plan.len()),
        Err(error) => row("cases", format_args!("none [{}]: {}", error.reason(), line(&error.to_string()))),
    }
    for spec in components {
        row("component", format_args!("{} {} {}", spec.digest, line(&spec.name), line(&spec.component)));
    }
    for file in &bundle.files {
        row("file", format_args!("{:>9} {}", file.size, line(&file.path)));
    }
}

fn print_artifact(remote: &Remote, artifact: &Artifact, format: Format) {
    let (pinned, config) = (remote.pinned(&artifact.revision), &artifact.config);
    if let Format::Json = format {
        let layer = |layer: &ConfigLayer| {
            json!({
                "role": layer.role,
                "mediaType": layer.role.media_type(),
                "digest": layer.digest,
                "size": layer.size,
                "path": layer.path,
            })
        };
        let whole = json!({
            "name": config.name,
            "entry": config.entry,
            "bundleDigest": config.bundle_digest,
            "artifact": pinned,
            "layers": config.layers.iter().map(layer).collect::<Vec<Value>>(),
        });
        println!("{whole:#}");
        return;
    }
    row("name", line(&config.name));
    row("entry", line(&config.entry));
    row("bundle", &config.bundle_digest);
    row("artifact", line(&pinned));
    for layer in &config.layers {
        let (role, kind) = (layer.role.as_str(), layer.role.media_type());
        let path = layer.path.as_deref().map(line).unwrap_or_default();
        row("layer", format_args!("{role} {} {kind} {} {path}", layer.digest, layer.size).to_string().trim_end());
    }
}
