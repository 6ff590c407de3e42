//! Volumes of the node that outlive pods.

use std::fs;
use std::path::Path;

use super::NODE_NAME;
use crate::{HarnessError, Kubectl};

/// Creates a volume whose data lie in the node's folder. The kubelet gives it to the group that a pod asks for, which
/// it does not do for volumes of type hostPath.
pub(super) async fn create(kubectl: &Kubectl, folder: &Path, name: &str) -> Result<(), HarnessError> {
    let data = folder.join("volumes").join(name);
    fs::create_dir_all(&data).map_err(HarnessError::io(format!("cannot create {}", data.display())))?;
    let volume = format!(
        r#"apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: 100Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: {data}}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{NODE_NAME}]}}]
"#,
        data = data.display(),
    );
    kubectl.apply(&volume).await.map(drop)
}
