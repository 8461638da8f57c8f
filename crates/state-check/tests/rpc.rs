//! Reading a state from a node, which here is one that shows what it was asked.

use athanor_state_check::{export, rpc, Unchecked};
use jsonrpsee::{
    server::{Server, ServerHandle},
    types::ErrorObjectOwned,
    RpcModule,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const FINAL: &str = "0xf1";

#[derive(Default)]
struct Node {
    entries: BTreeMap<String, String>,
    /// Bytes of values that it sends at a time.
    most: usize,
    /// Keys of each question for values.
    asked: Mutex<Vec<usize>>,
}

fn too_big() -> ErrorObjectOwned {
    ErrorObjectOwned::owned(-32008, "Response is too big", None::<()>)
}

async fn serve(node: Arc<Node>) -> (String, ServerHandle) {
    let mut module = RpcModule::new(node);
    module
        .register_method("chain_getFinalizedHead", |_, _, _| FINAL)
        .unwrap();
    module
        .register_method("chain_getHeader", |params, _, _| {
            assert_eq!(params.parse::<(String,)>().unwrap().0, FINAL);
            serde_json::json!({ "stateRoot": format!("0x{}", "07".repeat(32)) })
        })
        .unwrap();
    module
        .register_method("state_getKeysPaged", |params, node, _| {
            let (prefix, count, start, at): (String, usize, Option<String>, String) =
                params.parse().unwrap();
            assert_eq!((prefix.as_str(), at.as_str()), ("0x", FINAL));
            node.entries
                .keys()
                .filter(|key| start.as_ref().is_none_or(|start| *key > start))
                .take(count)
                .cloned()
                .collect::<Vec<_>>()
        })
        .unwrap();
    module
        .register_method("state_queryStorageAt", |params, node, _| {
            let (keys, at): (Vec<String>, String) = params.parse().unwrap();
            assert_eq!(at, FINAL);
            node.asked.lock().unwrap().push(keys.len());
            let changes: Vec<_> = keys
                .iter()
                .map(|key| (key.clone(), node.entries.get(key).cloned()))
                .collect();
            let size: usize = changes.iter().flat_map(|(_, v)| v).map(String::len).sum();
            if size > node.most {
                return Err(too_big());
            }
            Ok(serde_json::json!([{ "block": at, "changes": changes }]))
        })
        .unwrap();
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", server.local_addr().unwrap());
    (url, server.start(module))
}

fn entries(count: u32) -> BTreeMap<String, String> {
    (0..count)
        .map(|i| (format!("0x{i:08x}"), format!("0x{:04x}", i % 999)))
        .collect()
}

#[tokio::test]
async fn all_pages_are_read() {
    let node = Arc::new(Node {
        entries: entries(2_345),
        most: usize::MAX,
        ..Node::default()
    });
    let (url, _server) = serve(node.clone()).await;
    let mut seen = Vec::new();
    let state = rpc::fetch(&url, None, |count| seen.push(count))
        .await
        .unwrap();
    assert_eq!(seen, [1_000, 2_000, 2_345]);
    let exported = serde_json::json!({ "genesis": { "raw": { "top": node.entries } } });
    let mut same = export::read(exported.to_string().as_bytes()).unwrap();
    same.expect_root([7; 32].into());
    assert_eq!(state, same);
    assert_eq!(state.check(), Err(Unchecked::OtherRoot));
}

#[tokio::test]
async fn what_is_too_large_for_one_answer_is_asked_in_parts() {
    let mut all = entries(64);
    all.insert("0x3a636f6465".into(), format!("0x{}", "ab".repeat(400)));
    let node = Arc::new(Node {
        entries: all,
        most: 820,
        ..Node::default()
    });
    let (url, _server) = serve(node.clone()).await;
    let state = rpc::fetch(&url, None, |_| {}).await.unwrap();
    assert_eq!(state.len(), 65);
    assert!(node.asked.lock().unwrap().len() > 3);

    let node = Arc::new(Node {
        entries: node.entries.clone(),
        most: 801,
        ..Node::default()
    });
    let (url, _server) = serve(node).await;
    let error = rpc::fetch(&url, None, |_| {}).await.unwrap_err();
    assert!(
        error.to_string().contains("0x3a636f6465: too large"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_node_is_named() {
    let error = rpc::fetch("127.0.0.1:9944", None, |_| {})
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("not the URL of a node"),
        "{error}"
    );
    let error = rpc::fetch("http://127.0.0.1:1", None, |_| {})
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot reach http://127.0.0.1:1"),
        "{error}"
    );
}

#[test]
fn what_is_no_exported_state_is_refused() {
    for (text, words) in [
        ("", "not a chain specification"),
        ("[]", "not a chain specification"),
        (r#"{"genesis":{"runtimeGenesis":{}}}"#, "a genesis in words"),
        (
            r#"{"genesis":{"raw":{"top":{"00":"0x"}}}}"#,
            "not hex with 0x: 00",
        ),
        (r#"{"genesis":{"raw":{"top":{"0x0":"0x"}}}}"#, "not hex"),
        (r#"{"genesis":{"raw":{"top":{"0x00":"0xzz"}}}}"#, "0x00"),
        (
            r#"{"genesis":{"raw":{"top":{},"childrenDefault":{"0x00":{}}}}}"#,
            "child tries",
        ),
    ] {
        let error = export::read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}
