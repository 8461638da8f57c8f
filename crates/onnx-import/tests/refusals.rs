//! Models that cannot be mapped: each is refused with the node and the reason.

use athanor_onnx_import::{import, Error, Options};

/// Protobuf, as much as it takes to write a graph.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, &message.0)
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let mut node = Message::default();
    for input in inputs {
        node = node.text(1, input);
    }
    for output in outputs {
        node = node.text(2, output);
    }
    node.text(3, &format!("the_{op}")).text(4, op)
}

fn floats(name: &str, shape: &[i64], values: &[f32]) -> Message {
    let mut tensor = Message::default();
    for axis in shape {
        tensor = tensor.int(1, *axis);
    }
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor.int(2, 1).text(8, name).bytes(9, &raw)
}

fn integers(name: &str, shape: &[i64], values: &[i64]) -> Message {
    let mut tensor = Message::default();
    for axis in shape {
        tensor = tensor.int(1, *axis);
    }
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor.int(2, 7).text(8, name).bytes(9, &raw)
}

/// A dimension: a length, or 0 for an open one.
fn value(name: &str, elem: i64, shape: &[i64]) -> Message {
    let mut dims = Message::default();
    for axis in shape {
        let dim = match axis {
            0 => Message::default().text(2, "open"),
            n => Message::default().int(1, *n),
        };
        dims = dims.message(1, dim);
    }
    let tensor = Message::default().int(1, elem).message(2, dims);
    Message::default()
        .text(1, name)
        .message(2, Message::default().message(1, tensor))
}

fn model(
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    output: &str,
) -> Vec<u8> {
    let mut graph = Message::default();
    for node in nodes {
        graph = graph.message(1, node);
    }
    for constant in constants {
        graph = graph.message(5, constant);
    }
    for input in inputs {
        graph = graph.message(11, input);
    }
    graph = graph.message(12, value(output, 1, &[0, 1]));
    let opset = Message::default().text(1, "").int(2, 17);
    Message::default()
        .int(1, 8)
        .message(7, graph)
        .message(8, opset)
        .0
}

fn refused(bytes: &[u8]) -> Error {
    import(bytes, &Options::default()).unwrap_err()
}

fn x() -> Vec<Message> {
    vec![value("x", 1, &[0, 4])]
}

#[test]
fn a_cycle_is_named() {
    let nodes = vec![
        node("Add", &["x", "b"], &["a"]),
        node("Relu", &["a"], &["b"]),
    ];
    let error = refused(&model(nodes, vec![], x(), "b"));
    assert!(matches!(error, Error::Cycle { .. }), "{error}");
    let itself = vec![node("Relu", &["a"], &["a"])];
    let error = refused(&model(itself, vec![], x(), "a"));
    assert!(
        matches!(error, Error::Cycle { ref node } if node == "the_Relu"),
        "{error}"
    );
}

#[test]
fn names_that_clash_or_are_missing_are_named() {
    let twice = vec![node("Relu", &["x"], &["y"]), node("Abs", &["x"], &["y"])];
    let missing = vec![node("Relu", &["z"], &["y"])];
    for (nodes, part) in [(twice, "'y'"), (missing, "'z'"), (vec![], "'y'")] {
        let error = refused(&model(nodes, vec![], x(), "y")).to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_long_chain_is_no_deep_recursion() {
    let names: Vec<String> = (0..16_000).map(|i| format!("t{i}")).collect();
    let mut nodes = vec![node("Neg", &["x"], &[&names[0]])];
    for pair in names.windows(2) {
        nodes.push(node("Neg", &[&pair[0]], &[&pair[1]]));
    }
    let error = refused(&model(nodes, vec![], x(), names.last().unwrap()));
    assert!(!matches!(error, Error::Internal { .. }), "{error}");
}

#[test]
fn sums_that_double_are_not_followed_twice() {
    let names: Vec<String> = (0..200).map(|i| format!("t{i}")).collect();
    let mut nodes = vec![node("Mul", &["x", "w"], &[&names[0]])];
    for pair in names.windows(2) {
        nodes.push(node("Add", &[&pair[0], &pair[0]], &[&pair[1]]));
    }
    let constants = vec![floats("w", &[4], &[1.0, 2.0, 3.0, 4.0])];
    let error = refused(&model(nodes, constants, x(), names.last().unwrap()));
    assert!(matches!(error, Error::NoRange { .. }), "{error}");
}

#[test]
fn weights_in_floats_are_refused() {
    let nodes = vec![node("MatMul", &["x", "w"], &["y"])];
    let constants = vec![floats("w", &[4, 1], &[1.0; 4])];
    let options = Options {
        samples: [(
            "x".to_owned(),
            athanor_onnx_import::Tensor::new(
                athanor_onnx_import::Elem::F32,
                vec![1, 4],
                athanor_onnx_import::Data::F(vec![1.0; 4]),
            )
            .unwrap(),
        )]
        .into(),
        ..Options::default()
    };
    let error = import(&model(nodes, constants, x(), "y"), &options).unwrap_err();
    assert!(error.to_string().contains("'the_MatMul'"), "{error}");
    assert!(error.to_string().contains("not quantised"), "{error}");
}

#[test]
fn open_axes_unknown_operators_and_the_batch_are_named() {
    let open = model(
        vec![node("Relu", &["x"], &["y"])],
        vec![],
        vec![value("x", 1, &[0, 0])],
        "y",
    );
    let unknown = model(vec![node("Frobnicate", &["x"], &["y"])], vec![], x(), "y");
    let dynamic = model(
        vec![node("DynamicQuantizeLinear", &["x"], &["y", "s", "z"])],
        vec![],
        x(),
        "y",
    );
    let batch = model(
        vec![node("Reshape", &["x", "shape"], &["y"])],
        vec![integers("shape", &[2], &[4, 1])],
        x(),
        "y",
    );
    let data = model(
        vec![
            node("Cast", &["x"], &["s"]),
            node("Reshape", &["x", "s"], &["y"]),
        ],
        vec![],
        x(),
        "y",
    );
    for (bytes, part) in [
        (open, "--dim open=LENGTH"),
        (unknown, "'the_Frobnicate' (Frobnicate)"),
        (dynamic, "static quantisation"),
        (batch, "batch"),
        (data, "not known"),
    ] {
        let error = refused(&bytes).to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn huge_shapes_are_refused_before_anything_is_allocated() {
    let nodes = vec![
        node("ConstantOfShape", &["shape"], &["c"]),
        node("Add", &["x", "c"], &["y"]),
    ];
    let constants = vec![integers("shape", &[3], &[1 << 20, 1 << 20, 1 << 20])];
    let error = refused(&model(nodes, constants, x(), "y")).to_string();
    assert!(error.contains("too large"), "{error}");
    let wide = model(
        vec![node("Relu", &["x"], &["y"])],
        vec![],
        vec![value("x", 1, &[0, 1 << 23, 1 << 23])],
        "y",
    );
    let error = refused(&wide).to_string();
    assert!(error.contains("too large"), "{error}");
}
