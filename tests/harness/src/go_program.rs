//! Programs that are built from pinned Go modules, and the cache they lie in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::{HarnessError, Scratch};

/// Folder of programs that users of controller-runtime's envtest have: taken instead of our own where it has them.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// How a program is built, beside its module; part of the cache's key. The version is what Kubernetes reports.
const RECIPE: [&str; 5] = [
    "build",
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2",
];
/// Tries of one build: modules are downloaded in it, and downloads fail now and then.
const TRIES: u32 = 3;
/// Builds of one module that the cache keeps, the current one with them.
const KEPT: usize = 2;

/// A module that pins programs: its folder's name and its files.
#[derive(Debug)]
struct Module {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// A module's files, from its folder in `go/`.
macro_rules! module {
    ($name:literal $(, $file:literal)*) => {
        Module {
            name: $name,
            files: &[
                ("go.mod", include_str!(concat!("../go/", $name, "/go.mod"))),
                ("go.sum", include_str!(concat!("../go/", $name, "/go.sum"))),
                $(($file, include_str!(concat!("../go/", $name, "/", $file))),)*
            ],
        }
    };
}

static KUBERNETES: Module = module!("kubernetes");
static ETCD_MODULE: Module = module!("etcd");
static HELM_MODULE: Module = module!("helm");
static COREDNS_MODULE: Module = module!("coredns", "main.go");
static KUBECONFORM_MODULE: Module = module!("kubeconform");
static KUBE_SCORE_MODULE: Module = module!("kube-score");

/// A program that is built from a Go module.
#[derive(Debug)]
pub struct GoProgram {
    /// Its name.
    pub name: &'static str,
    module: &'static Module,
    package: &'static str,
    /// True if envtest has it too.
    asset: bool,
}

const fn go(name: &'static str, module: &'static Module, package: &'static str, asset: bool) -> GoProgram {
    GoProgram { name, module, package, asset }
}

/// The API server's store.
pub static ETCD: GoProgram = go("etcd", &ETCD_MODULE, "go.etcd.io/etcd/server/v3", true);
/// The command line of Kubernetes.
pub static KUBECTL: GoProgram = go("kubectl", &KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", true);
/// The API server.
pub static KUBE_APISERVER: GoProgram = go("kube-apiserver", &KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", true);
/// Controllers: jobs, owners, service accounts, endpoints.
pub static KUBE_CONTROLLER_MANAGER: GoProgram =
    go("kube-controller-manager", &KUBERNETES, "k8s.io/kubernetes/cmd/kube-controller-manager", false);
/// Gives pods a node.
pub static KUBE_SCHEDULER: GoProgram = go("kube-scheduler", &KUBERNETES, "k8s.io/kubernetes/cmd/kube-scheduler", false);
/// Runs pods.
pub static KUBELET: GoProgram = go("kubelet", &KUBERNETES, "k8s.io/kubernetes/cmd/kubelet", false);
/// Addresses of Services.
pub static KUBE_PROXY: GoProgram = go("kube-proxy", &KUBERNETES, "k8s.io/kubernetes/cmd/kube-proxy", false);
/// Names of Services.
pub static COREDNS: GoProgram = go("coredns", &COREDNS_MODULE, ".", false);
/// Installs charts.
pub static HELM: GoProgram = go("helm", &HELM_MODULE, "helm.sh/helm/v3/cmd/helm", false);
/// Checks manifests against schemas.
pub static KUBECONFORM: GoProgram =
    go("kubeconform", &KUBECONFORM_MODULE, "github.com/yannh/kubeconform/cmd/kubeconform", false);
/// Finds what is unwise in manifests.
pub static KUBE_SCORE: GoProgram =
    go("kube-score", &KUBE_SCORE_MODULE, "github.com/zegl/kube-score/cmd/kube-score", false);

/// All of them, those that most tests need first.
pub static ALL: [&GoProgram; 11] = [
    &ETCD,
    &KUBECTL,
    &KUBE_APISERVER,
    &KUBE_CONTROLLER_MANAGER,
    &KUBE_SCHEDULER,
    &KUBELET,
    &KUBE_PROXY,
    &COREDNS,
    &HELM,
    &KUBECONFORM,
    &KUBE_SCORE,
];

impl GoProgram {
    /// Where it lies: in KUBEBUILDER_ASSETS if that is set and has such programs, else in the cache.
    pub fn find(&self) -> Result<PathBuf, HarnessError> {
        self.find_in(std::env::var_os(ASSETS).map(PathBuf::from), &cache()?)
    }

    fn find_in(&self, assets: Option<PathBuf>, cache: &Path) -> Result<PathBuf, HarnessError> {
        let given = assets.filter(|_| self.asset).map(|folder| folder.join(self.name));
        let path = given.clone().unwrap_or_else(|| self.module.cached(cache).join(self.name));
        if path.is_file() {
            return Ok(path);
        }
        Err(match given {
            None => HarnessError::NotBuilt { program: self.name, path },
            Some(path) => HarnessError::Machine(format!(
                "{ASSETS} is set, but {} does not exist: unset it, or fetch the assets with setup-envtest",
                path.display()
            )),
        })
    }

    /// Builds it from its module into a folder of the cache; it appears there by rename.
    fn build(&self, folder: &Path) -> Result<(), HarnessError> {
        let source = Scratch::new("go")?;
        for (name, text) in self.module.files {
            let path = source.path().join(name);
            fs::write(&path, text).map_err(HarnessError::io(format!("cannot write {}", path.display())))?;
        }
        let partial = folder.join(format!(".{}.partial", self.name));
        let mut command = Command::new("go");
        command.current_dir(source.path()).env("CGO_ENABLED", "0").env("GOWORK", "off");
        command.args(RECIPE).arg("-o").arg(&partial).arg(self.package);
        let mut tries = 1;
        loop {
            let status = command.status().map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    HarnessError::Machine("Go 1.24 or later is needed: https://go.dev/dl".to_owned())
                }
                _ => HarnessError::io("cannot start go")(error),
            })?;
            if status.success() {
                break;
            }
            if tries == TRIES {
                let (command, output) = (format!("go build {}", self.package), "its output is above".to_owned());
                return Err(HarnessError::Command { command, status: status.to_string(), output });
            }
            tries += 1;
        }
        let path = folder.join(self.name);
        fs::rename(&partial, &path).map_err(HarnessError::io(format!("cannot write {}", path.display())))
    }
}

impl Module {
    /// The folder of this very module's programs, named by the hash of its files and the recipe.
    fn cached(&self, cache: &Path) -> PathBuf {
        let mut hash = Sha256::new();
        let pieces = RECIPE.into_iter().chain(self.files.iter().flat_map(|(name, text)| [*name, *text]));
        for piece in pieces.chain([std::env::consts::ARCH]) {
            hash.update((piece.len() as u64).to_le_bytes());
            hash.update(piece);
        }
        let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        cache.join(format!("{}-{digest}", self.name))
    }
}

/// Builds what the cache does not have, one after the other, and says what it does. Two that build at once wait for
/// each other.
pub fn build_all(on_progress: &mut dyn FnMut(&str)) -> Result<(), HarnessError> {
    let cache = cache()?;
    fs::create_dir_all(&cache).map_err(HarnessError::io(format!("cannot create {}", cache.display())))?;
    let lock = cache.join("lock");
    let lock = File::create(&lock).map_err(HarnessError::io(format!("cannot create {}", lock.display())))?;
    if lock.try_lock().is_err() {
        on_progress("another set-up builds; waiting for it");
        lock.lock().map_err(HarnessError::io("cannot lock the cache of programs"))?;
    }
    for (index, program) in ALL.iter().enumerate() {
        if program.find().is_ok() {
            continue;
        }
        let folder = program.module.cached(&cache);
        fs::create_dir_all(&folder).map_err(HarnessError::io(format!("cannot create {}", folder.display())))?;
        on_progress(&format!("building {} ({} of {})", program.name, index + 1, ALL.len()));
        let start = Instant::now();
        program.build(&folder)?;
        on_progress(&format!("built {} in {:.0} s", program.name, start.elapsed().as_secs_f64()));
        prune(&cache, program.module, &folder);
    }
    Ok(())
}

/// Removes the oldest builds of a module.
fn prune(cache: &Path, module: &Module, current: &Path) {
    let mut others: Vec<(SystemTime, PathBuf)> = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.strip_prefix(module.name)?.strip_prefix('-'));
            // `kube-score-...` is no build of a module `kube`.
            digest.is_some_and(|digest| !digest.contains('-')) && entry.path() != current
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    others.sort();
    for (_, old) in others.iter().rev().skip(KEPT - 1) {
        let _ = fs::remove_dir_all(old);
    }
}

/// `arena-fleet` in the user's cache: what is costly to make and can be made again.
pub fn cache_folder() -> Result<PathBuf, HarnessError> {
    let user = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let Some(user) = user.or_else(home) else {
        return Err(HarnessError::Machine("neither HOME nor XDG_CACHE_HOME is set: no place for programs".to_owned()));
    };
    Ok(user.join("arena-fleet"))
}

fn cache() -> Result<PathBuf, HarnessError> {
    Ok(cache_folder()?.join("go"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_module_or_sum_is_another_folder() {
        let cache = Path::new("/cache");
        static CHANGED: Module = Module { name: "etcd", files: &[("go.mod", "module x"), ("go.sum", "")] };
        assert_ne!(ETCD_MODULE.cached(cache), CHANGED.cached(cache));
        assert_ne!(ETCD_MODULE.cached(cache), HELM_MODULE.cached(cache));
        assert_eq!(ETCD_MODULE.cached(cache), ETCD_MODULE.cached(cache));
    }

    #[test]
    fn a_user_s_assets_come_first_and_hold_no_more_than_they_have() {
        let (assets, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let given = || Some(assets.path().to_owned());
        let error = ETCD.find_in(given(), cache.path()).unwrap_err().to_string();
        assert!(error.contains(ASSETS), "{error}");
        let (etcd, built) = (assets.path().join("etcd"), KUBERNETES.cached(cache.path()).join("kubelet"));
        fs::create_dir(built.parent().unwrap()).unwrap();
        for file in [&etcd, &built] {
            fs::write(file, "").unwrap();
        }
        assert_eq!(ETCD.find_in(given(), cache.path()).unwrap(), etcd);
        assert_eq!(KUBELET.find_in(given(), cache.path()).unwrap(), built);
        assert!(matches!(ETCD.find_in(None, cache.path()), Err(HarnessError::NotBuilt { .. })));
    }

    #[test]
    fn the_current_build_and_the_one_before_it_are_kept() {
        let cache = tempfile::tempdir().unwrap();
        let folder = |name: &str, age: u64| {
            let path = cache.path().join(name);
            fs::create_dir(&path).unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(age);
            File::open(&path).unwrap().set_modified(time).unwrap();
            path
        };
        let [current, last, old] = [folder("etcd-a", 30), folder("etcd-b", 10), folder("etcd-c", 20)];
        let other = folder("etcd-more-a", 90);
        prune(cache.path(), &ETCD_MODULE, &current);
        assert_eq!([&current, &last, &old, &other].map(|path| path.exists()), [true, true, false, true]);
    }

    #[test]
    fn every_program_s_module_pins_its_package() {
        for program in ALL {
            let (_, text) = program.module.files[0];
            let tool = text.lines().any(|line| {
                let line = line.trim().strip_prefix("tool ").unwrap_or(line.trim());
                line == program.package
            });
            assert!(tool || program.package == ".", "{} is not in {}/go.mod", program.package, program.module.name);
        }
    }
}
