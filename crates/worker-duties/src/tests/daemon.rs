use super::world::{roots, ticket, JOB};
use crate::{
    daemon::{answer, Answer, Move, State, MAX_ANSWER, MAX_OPENED},
    Problem, Request,
};
use athanor_primitives::{ticket::to_hex, Asked, Duty, Question, Ticket};
use proptest::prelude::*;
use serde_json::{json, Value};

fn all() -> [Request; 7] {
    [
        Request::Submit { cancelled: false },
        Request::Watch { cancelled: false },
        Request::Status,
        Request::Receipt,
        Request::Cancel,
        dispute(),
        Request::Answer(question()),
    ]
}

fn dispute() -> Request {
    Request::Dispute {
        claim: roots(),
        node: 1,
        turn: 2,
        answers: vec![vec![1, 2], vec![]],
        others: vec![(0, vec![vec![3]])],
    }
}

fn question() -> Question {
    Question {
        job: JOB,
        thread: 3,
        trace_root: [1; 32],
        value: athanor_primitives::Value::Node(1),
        root: [2; 32],
        len: 5,
        asked: Asked::Subtree {
            start: 0,
            count: 1,
            value: [2; 32],
        },
        deadline: 9,
    }
}

#[test]
fn a_submission_carries_ticket_and_program() {
    let ticket = ticket(Duty::Accept);
    let body = Request::Submit { cancelled: false }.body(&ticket, &[0xab, 0xcd]);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["jsonrpc"], "2.0");
    assert_eq!(body["id"], JOB);
    assert_eq!(body["method"], "worker_submit");
    assert_eq!(body["params"][1], "0xabcd");
    let sent: Ticket = serde_json::from_value(body["params"][0].clone()).unwrap();
    assert_eq!(sent, ticket);
}

#[test]
fn the_other_questions_carry_the_job_only() {
    for request in [Request::Status, Request::Receipt, Request::Cancel] {
        let body: Value =
            serde_json::from_slice(&request.body(&ticket(Duty::Accept), &[])).unwrap();
        assert_eq!(body["method"], request.method());
        assert_eq!(body["params"], json!([JOB]));
    }
}

#[test]
fn a_dispute_carries_the_claim_and_what_was_answered() {
    let body = dispute().body(&ticket(Duty::Wait), &[]);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let hex: Vec<_> = roots().iter().map(|root| to_hex(root)).collect();
    assert_eq!(body["method"], "worker_dispute");
    let others = json!([{"turn": 0, "answers": ["0x03"]}]);
    assert_eq!(
        body["params"],
        json!([JOB, hex, 1, ["0x0102", "0x"], 2, others])
    );
}

#[test]
fn a_question_is_handed_on_as_it_stands() {
    let body = Request::Answer(question()).body(&ticket(Duty::Wait), &[]);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["method"], "worker_answer");
    assert_eq!(body["params"][0], JOB);
    let sent: Question = serde_json::from_value(body["params"][1].clone()).unwrap();
    assert_eq!(sent, question());
}

#[test]
fn the_steps_of_a_dispute_are_read() {
    let zero = format!("0x{}", "00".repeat(32));
    for (step, wanted) in [
        (json!({"step": "agree"}), Move::Agree),
        (json!({"step": "ask"}), Move::Ask { threads: 1 }),
        (
            json!({"step": "ask", "threads": 3}),
            Move::Ask { threads: 3 },
        ),
        (json!({"step": "rest"}), Move::Rest),
        (
            json!({"step": "descend", "group": 7, "value": zero, "siblings": [zero, zero]}),
            Move::Descend {
                group: 7,
                value: [0; 32],
                siblings: vec![[0; 32]; 2],
            },
        ),
        (
            json!({"step": "prove", "proof": "0x0102"}),
            Move::Prove(vec![1, 2]),
        ),
    ] {
        let body = json!({"id": JOB, "result": step}).to_string();
        assert_eq!(
            answer(&dispute(), JOB, 200, body.as_bytes()),
            Ok(Answer::Move(wanted))
        );
    }
    for step in [
        json!({"step": "hide"}),
        json!({"step": "descend", "group": 7}),
        json!({"step": "prove", "proof": format!("0x{}", "00".repeat(49_153))}),
        json!("ask"),
    ] {
        let body = json!({"id": JOB, "result": step}).to_string();
        assert!(
            answer(&dispute(), JOB, 200, body.as_bytes()).is_err(),
            "{step:.80}"
        );
    }
}

#[test]
fn an_answer_longer_than_any_is_refused() {
    let request = Request::Answer(question());
    let reply = |len: usize| {
        let body = json!({"id": JOB, "result": to_hex(&vec![7; len])}).to_string();
        answer(&request, JOB, 200, body.as_bytes())
    };
    assert_eq!(reply(MAX_OPENED), Ok(Answer::Opened(vec![7; MAX_OPENED])));
    assert!(reply(MAX_OPENED + 1).is_err());
}

#[test]
fn a_status_is_read() {
    let body = json!({"jsonrpc": "2.0", "id": JOB, "result": {
        "job": JOB, "state": "fetching", "held": false, "progress": 12, "error": null, "new": [1],
    }});
    let Ok(Answer::Status(status)) =
        answer(&Request::Status, JOB, 200, body.to_string().as_bytes())
    else {
        panic!("a status")
    };
    assert_eq!(
        (status.state, status.held, status.progress),
        (State::Fetching, false, 12)
    );
    assert_eq!(status.error, None);
}

#[test]
fn a_receipt_is_read() {
    let hex: Vec<_> = roots()
        .iter()
        .map(|root| athanor_primitives::ticket::to_hex(root))
        .collect();
    let body = json!({"jsonrpc": "2.0", "id": JOB, "result": {
        "job": JOB, "trace_root": hex[0], "output_root": hex[1], "node_roots": hex, "output": null,
    }});
    let Ok(Answer::Receipt(receipt)) =
        answer(&Request::Receipt, JOB, 200, body.to_string().as_bytes())
    else {
        panic!("a receipt")
    };
    assert_eq!(receipt.node_roots, roots());
    assert_eq!(receipt.trace_root, roots()[0]);
}

#[test]
fn an_error_keeps_its_code_and_a_short_printable_message() {
    let body = json!({"jsonrpc": "2.0", "id": JOB, "error": {
        "code": -32011, "message": "a\nb".repeat(1_000),
    }});
    let Err(Problem::Refused {
        method,
        code,
        message,
    }) = answer(&Request::Status, JOB, 200, body.to_string().as_bytes())
    else {
        panic!("a refusal")
    };
    assert_eq!((method, code), ("worker_status", -32011));
    assert_eq!(message.len(), 200);
    assert!(!message.contains('\n'));
}

#[test]
fn http_failures_are_told_apart() {
    for (status, problem) in [
        (401, Problem::Token(401)),
        (403, Problem::Token(403)),
        (500, Problem::Http(500)),
        (302, Problem::Http(302)),
    ] {
        assert_eq!(answer(&Request::Status, JOB, status, b"{}"), Err(problem));
    }
}

#[test]
fn an_oversize_answer_is_refused_unread() {
    let body = vec![b' '; MAX_ANSWER + 1];
    assert_eq!(
        answer(&Request::Status, JOB, 200, &body),
        Err(Problem::TooLong { limit: MAX_ANSWER })
    );
}

#[test]
fn malformed_answers_are_refused_as_such() {
    let deep = format!(
        "{{\"id\":{JOB},\"result\":{}1{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "{\"id\":7}",
        "{\"id\":\"7\",\"result\":true}",
        "{\"id\":7,\"result\":null}",
        "{\"id\":7,\"result\":{\"job\":7,\"state\":\"asleep\",\"held\":true}}",
        "{\"id\":7,\"result\":{\"job\":7,\"state\":\"done\"}}",
        "{\"id\":7,\"result\":{\"job\":-7,\"state\":\"done\",\"held\":true}}",
        "{\"id\":7,\"result\":true,\"error\":{\"code\":1}}",
        deep.as_str(),
    ] {
        assert_eq!(
            answer(&Request::Status, JOB, 200, body.as_bytes()),
            Err(Problem::Malformed {
                method: "worker_status"
            }),
            "{body:.60}"
        );
    }
}

#[test]
fn an_answer_about_another_job_is_refused() {
    for body in [
        json!({"id": 8, "result": {"job": 7, "state": "done", "held": true}}),
        json!({"id": 7, "result": {"job": 8, "state": "done", "held": true}}),
    ] {
        assert_eq!(
            answer(&Request::Status, JOB, 200, body.to_string().as_bytes()),
            Err(Problem::OtherJob { asked: 7, got: 8 })
        );
    }
}

#[test]
fn an_inline_output_of_more_than_a_kibibyte_is_refused() {
    let zero = format!("0x{}", "00".repeat(32));
    let body = json!({"id": JOB, "result": {
        "job": JOB, "trace_root": zero, "output_root": zero, "node_roots": [],
        "output": format!("0x{}", "00".repeat(1_025)),
    }});
    assert_eq!(
        answer(&Request::Receipt, JOB, 200, body.to_string().as_bytes()),
        Err(Problem::Malformed {
            method: "worker_receipt"
        })
    );
}

fn json_value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("id".to_string()),
        Just("job".to_string()),
        Just("result".to_string()),
        Just("error".to_string()),
        Just("code".to_string()),
        Just("state".to_string()),
        Just("node_roots".to_string()),
        "[a-z]{1,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(JOB)),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,40}".prop_map(Value::from),
        Just(json!("done")),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        for request in all() {
            let _ = answer(&request, JOB, status, &body);
        }
    }

    #[test]
    fn arbitrary_json_never_panics(value in json_value()) {
        for request in all() {
            let _ = answer(&request, JOB, 200, value.to_string().as_bytes());
        }
    }
}
