//! The frozen vectors in `vectors/market.txt`, made by a second implementation.

use std::collections::HashMap;
use std::io::{sink, Cursor, Read};

use athanor_content_tree::market::{
    buyer_secret, container_len, draw, payload_len, public_key, sample_seed, Context, Evidence,
    Fault, Header, JudgeError, Sale, Salts, Secret, HEADER_LEN,
};
use athanor_content_tree::stream::{self, Salted, StreamError};
use athanor_content_tree::{root, Groups, Root, GROUP};
use codec::{DecodeAll, Encode};

const GENESIS: [u8; 32] = [1; 32];
const SELLER: [u8; 32] = [2; 32];
const NONCE: [u8; 16] = [5; 16];
const ORDER: u64 = 0x0102_0304_0506_0708;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// Lines by their first word, for one sale.
type Rows<'a> = HashMap<&'a str, Vec<&'a str>>;

fn bytes<const N: usize>(rows: &Rows<'_>, name: &str) -> [u8; N] {
    hex(rows[name][0]).try_into().unwrap()
}

fn outboard(content: &[u8], rows: &Rows<'_>, name: &str) -> (Root, Vec<u8>) {
    let mut made = Cursor::new(Vec::new());
    let root_made = stream::encode(content.len() as u64, content, &mut made).unwrap();
    let made = made.into_inner();
    assert_eq!(made.len().to_string(), rows[name][0]);
    assert_eq!(root(&made).to_vec(), hex(rows[name][1]), "{name}");
    (root_made, made)
}

fn sale(rows: &Rows<'_>) {
    let seller_seed = Secret::new([3; 32]);
    let len: u64 = rows["sale"][0].parse().unwrap();
    let garbled: u64 = rows["sale"][1].parse().unwrap();
    let groups = Groups::new(len).unwrap();
    let x = content(len as usize);
    let (x_root, x_outboard) = outboard(&x, rows, "x_outboard");
    assert_eq!(x_root, bytes(rows, "x_root"));

    let context = Context::new(&GENESIS, &SELLER, &x_root, len, &NONCE);
    assert_eq!(*context.as_bytes(), bytes(rows, "ctx"));
    let key = context.key(&seller_seed);
    assert_eq!(*key.expose(), bytes(rows, "k"));
    let commitment = context.commit(&key);
    assert_eq!(commitment, bytes(rows, "h_k"));

    let cipher = context.cipher(&key);
    assert_eq!(rows["keystream"].len() as u64, groups.count());
    for (index, expected) in rows["keystream"].iter().enumerate() {
        let mut zeros = vec![0; groups.group_len(index as u64).unwrap()];
        cipher.apply(index as u64, &mut zeros);
        assert_eq!(root(&zeros).to_vec(), hex(expected));
    }
    let mut z = Vec::new();
    let made = Cursor::new(Vec::new());
    stream::seal(&cipher, &x_root, len, &x_outboard[..], &x[..], &mut z, made).unwrap();
    z[garbled as usize * GROUP] ^= 1;
    let (z_root, z_outboard) = outboard(&z, rows, "z_outboard");
    assert_eq!(z_root, bytes(rows, "z_root"));
    assert_eq!(
        context.seal_id(&z_root, &commitment),
        bytes(rows, "seal_id")
    );

    let b = buyer_secret(&Secret::new([4; 32]), &GENESIS, 7, &[6; 16]);
    assert_eq!(*b.expose(), bytes(rows, "b"));
    let buyer = public_key(&b);
    assert_eq!(buyer, bytes(rows, "B"));
    let e = context.wrap_secret(&seller_seed, ORDER, &buyer);
    assert_eq!(*e.expose(), bytes(rows, "e"));
    let wrapped = context.wrap(&key, ORDER, &buyer, &e);
    assert_eq!(wrapped.public, bytes(rows, "E"));
    assert_eq!(wrapped.key, bytes(rows, "c"));
    assert_eq!(wrapped.encode(), [wrapped.public, wrapped.key].concat());
    assert_eq!(context.unwrap(&wrapped, ORDER, &b), key);

    let found = stream::open(&cipher, &x_root, len, &x_outboard[..], &z[..], sink());
    assert!(matches!(found, Err(StreamError::BadGroup { index }) if index == garbled));
    let proof = |root, outboard: &[u8]| {
        groups
            .prove(root, garbled, |at, node| {
                node.copy_from_slice(&outboard[at as usize..][..64]);
                Ok::<_, ()>(())
            })
            .unwrap()
    };
    let start = garbled as usize * GROUP;
    let z_group = z[start..z.len().min(start + GROUP)].to_vec();
    let evidence = Evidence::of_group(
        &b,
        z_group,
        &proof(&z_root, &z_outboard),
        &proof(&x_root, &x_outboard),
    )
    .unwrap();
    let encoded = evidence.encode();
    assert_eq!(encoded.len().to_string(), rows["evidence"][0]);
    assert_eq!(root(&encoded).to_vec(), hex(rows["evidence"][1]));
    assert_eq!(Evidence::decode_all(&mut &encoded[..]).unwrap(), evidence);
    if let Some(whole) = rows.get("whole") {
        assert_eq!(encoded, hex(whole[0]));
    }

    let sale = Sale {
        context,
        order: ORDER,
        len,
        x_root,
        z_root,
        commitment,
        buyer,
        wrapped,
    };
    assert_eq!(sale.judge(&evidence), Ok(Fault::BadGroup));
    let of_key = Evidence::of_key(&b);
    assert_eq!(of_key.encode(), hex(rows["key_evidence"][0]));
    assert_eq!(sale.judge(&of_key), Err(JudgeError::NotProven));
}

fn container(words: &[&str]) {
    let [payload, len, expected] = words else {
        panic!("{words:?}")
    };
    let payload = content(payload.parse().unwrap());
    let salts = Salts::new(Secret::new([8; 32]));
    let mut x = Vec::new();
    Salted::new(&payload[..], salts)
        .read_to_end(&mut x)
        .unwrap();
    let len: u64 = len.parse().unwrap();
    assert_eq!(x.len() as u64, len);
    assert_eq!(container_len(payload.len() as u64), Ok(len));
    assert_eq!(payload_len(len), Ok(payload.len() as u64));
    assert_eq!(root(&x).to_vec(), hex(expected));
}

fn header(words: &[&str]) {
    let header = Header {
        files: words[0].parse().unwrap(),
        tar_len: words[1].parse().unwrap(),
    };
    let encoded = header.encode();
    assert_eq!(encoded.to_vec(), hex(words[2]));
    let len = container_len(HEADER_LEN as u64 + header.tar_len).unwrap();
    assert_eq!(Header::decode(len, &encoded), Ok(header));
}

fn sample(words: &[&str]) {
    let outputs = std::array::from_fn(|i| [0x10 + i as u8; 32]);
    let seed = sample_seed(&outputs, &[9; 32]);
    assert_eq!(seed.to_vec(), hex(words[2]));
    let groups = Groups::new(words[0].parse().unwrap()).unwrap();
    let drawn: Vec<_> = draw(&seed, &groups, words[1].parse().unwrap())
        .iter()
        .map(u64::to_string)
        .collect();
    assert_eq!(drawn.join(","), words[3]);
}

fn sample_file(words: &[&str]) {
    let x = content(words[0].parse().unwrap());
    let len = x.len() as u64;
    let mut nodes = Cursor::new(Vec::new());
    let x_root = stream::encode(len, &x[..], &mut nodes).unwrap();
    let nodes = nodes.into_inner();
    let groups = Groups::new(len).unwrap();
    let seed = sample_seed(&std::array::from_fn(|i| [0x10 + i as u8; 32]), &x_root);
    let drawn = draw(&seed, &groups, words[1].parse().unwrap());
    let mut file = Vec::new();
    for index in &drawn {
        let proof = groups
            .prove(&x_root, *index, |at, node: &mut [u8; 64]| {
                node.copy_from_slice(&nodes[at as usize..][..64]);
                Ok::<_, ()>(())
            })
            .unwrap();
        file.extend(index.to_le_bytes());
        file.extend(&x[*index as usize * GROUP..][..groups.group_len(*index).unwrap()]);
        file.extend(proof.path.as_flattened());
    }
    assert_eq!(file.len().to_string(), words[2]);
    assert_eq!(root(&file).to_vec(), hex(words[3]));
    stream::check_sample(&x_root, len, &drawn, &file[..], |_, _| {
        Ok::<_, StreamError>(())
    })
    .unwrap();
}

#[test]
fn every_frozen_vector_holds() {
    let (mut counts, mut sales) = ([0; 6], 0);
    let mut rows = Rows::new();
    for line in include_str!("../vectors/market.txt").lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[0] {
            "#" => {}
            "container" => container(&words[1..]),
            "header" => header(&words[1..]),
            "sample" => sample(&words[1..]),
            "sample_file" => sample_file(&words[1..]),
            // What lays files out is athanor-market-client, whose tests read it.
            "packed" => {}
            name => {
                rows.insert(name, words[1..].to_vec());
                if name == "key_evidence" {
                    sale(&rows);
                    rows.clear();
                    sales += 1;
                }
                continue;
            }
        }
        let kind = [
            "#",
            "container",
            "header",
            "sample",
            "sample_file",
            "packed",
        ];
        counts[kind.iter().position(|k| *k == words[0]).unwrap()] += 1;
    }
    assert!(rows.is_empty());
    assert_eq!((sales, counts), (9, [8, 6, 1, 5, 3, 2]));
}
