//! Who may do what, at the door.

use std::sync::atomic::Ordering;

use arena_artifact::{Claims, ClientError, Folder, Key, Put};

use crate::stand::{Stand, artifact, client, job, name, operator, segment};

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result.unwrap_err() {
        ClientError::Refused { status, reason, .. } => (status, reason),
        other => panic!("{other}"),
    }
}

fn denied() -> (u16, String) {
    (403, "StoreScopeDenied".to_owned())
}

#[tokio::test]
async fn a_job_s_token_opens_its_own_and_nothing_else() {
    let stand = Stand::start().await;
    let (own, others) = (artifact("a", b"bundle of j1"), artifact("a", b"bundle of j2"));
    stand.operator().put(&own, "bundle of j1").await.unwrap();
    stand.operator().put(&others, "bundle of j2").await.unwrap();
    stand.operator().put(&segment("j2", 1), "result of j2").await.unwrap();
    let j1 = stand.client(&job("j1", &[&own]));
    assert_eq!(j1.get(&own, 100).await.unwrap().unwrap(), b"bundle of j1");
    assert_eq!(j1.put(&segment("j1", 1), "mine").await.unwrap(), Put::Created);
    assert_eq!(j1.get(&segment("j1", 1), 100).await.unwrap().unwrap(), b"mine");
    assert_eq!(j1.list_all(&Folder::parse("a/results/j1/").unwrap(), 10).await.unwrap().len(), 1);

    assert_eq!(refused(j1.get(&others, 100).await), denied());
    assert_eq!(refused(j1.download(&others, &stand.folder.path().join("x"), 100).await), denied());
    assert_eq!(refused(j1.get(&segment("j2", 1), 100).await), denied());
    assert_eq!(refused(j1.get_range(&segment("j2", 1), 0, 1).await), denied());
    assert_eq!(refused(j1.put(&segment("j2", 2), "forged").await), denied());
    assert_eq!(refused(j1.put(&name("a/results/j2/index.json"), "forged").await), denied());
    assert_eq!(refused(j1.list(&Folder::parse("a/results/j2/").unwrap(), "", 1).await), denied());
    assert_eq!(refused(j1.list(&Folder::parse("a/artifacts/").unwrap(), "", 1).await), denied());
    assert_eq!(refused(j1.put(&artifact("a", b"new"), "new").await), denied());
    assert_eq!(refused(j1.delete(&own).await), denied());
    assert_eq!(refused(j1.delete(&segment("j1", 1)).await), denied());
    assert_eq!(refused(j1.put(&name("a/pins/x"), "{}").await), denied());
    assert_eq!(refused(j1.get(&artifact("b", b"bundle of j1"), 100).await), denied());
    // HEAD has no body to say why.
    assert_eq!(refused(j1.size(&others).await).0, 403);
}

#[tokio::test]
async fn a_token_is_refused_after_its_time() {
    let stand = Stand::start().await;
    let own = artifact("a", b"x");
    stand.operator().put(&own, "x").await.unwrap();
    let j1 = stand.client(&job("j1", &[&own]));
    stand.clock.store(999, Ordering::SeqCst);
    assert!(j1.get(&own, 1).await.unwrap().is_some());
    stand.clock.store(1000, Ordering::SeqCst);
    let expired = (401, "StoreTokenExpired".to_owned());
    assert_eq!(refused(j1.get(&own, 1).await), expired);
    assert_eq!(refused(j1.put(&segment("j1", 1), "late").await), expired);
}

#[tokio::test]
async fn who_has_no_good_token_gets_nothing() {
    let stand = Stand::start().await;
    let own = artifact("a", b"x");
    stand.operator().put(&own, "x").await.unwrap();
    let foreign = Key::new(&[8; 32]).unwrap().mint(&operator()).unwrap();
    for token in [String::new(), "x".repeat(40_000), foreign] {
        let (status, reason) = refused(client(stand.address, token).get(&own, 1).await);
        assert_eq!((status, reason.as_str()), (401, "StoreTokenInvalid"));
    }
}

#[tokio::test]
async fn an_operator_of_one_namespace_stays_in_it() {
    let stand = Stand::start().await;
    let of_a = stand.client(&Claims { namespace: Some("a".into()), ..operator() });
    assert_eq!(of_a.put(&artifact("a", b"x"), "x").await.unwrap(), Put::Created);
    assert_eq!(refused(of_a.put(&artifact("b", b"x"), "x").await), denied());
    assert!(!of_a.delete(&segment("j1", 1)).await.unwrap());
}
