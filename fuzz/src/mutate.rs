//! Inputs out of other inputs, for runs without libFuzzer: the same ones every
//! time.

/// Numbers that decoders stumble over.
const EDGES: [&str; 12] = [
    "0",
    "-1",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
];

/// A stream of mutated seeds.
pub struct Mutations {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    /// Mutations of `seeds`, of which there must be one at least.
    pub fn of(seeds: Vec<Vec<u8>>) -> Self {
        assert!(!seeds.is_empty());
        Mutations { seeds, state: 1 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ (word >> 31)) % limit.max(1) as u64) as usize
    }

    fn seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds[index].clone()
    }

    /// The next input.
    pub fn draw(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(4) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(1 << 18);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let (at, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        let (from, to) = (at.min(to), at.max(to));
        match self.below(9) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let byte = self.below(256) as u8;
                bytes.insert(at, byte);
            }
            2 => {
                let edge = [0, 1, 0x7F, 0x80, 0xFF, b'"', b'{', b'['][self.below(8)];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = edge;
                }
            }
            3 => drop(bytes.drain(from..to)),
            4 => bytes.truncate(at),
            5 => {
                let part: Vec<u8> = bytes[from..to].to_vec();
                for _ in 0..=self.below(3) {
                    bytes.splice(at..at, part.iter().copied());
                }
            }
            6 => {
                let other = self.seed();
                let cut = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[cut..]);
            }
            7 => {
                // A number in text becomes one that is hard.
                let edge = EDGES[self.below(EDGES.len())];
                let digit = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes[at..].iter().position(digit) {
                    let start = at + start;
                    let len = bytes[start..].iter().take_while(|byte| digit(byte)).count();
                    bytes.splice(start..start + len, edge.bytes());
                }
            }
            _ => {
                // Nested ever deeper.
                let open = [&b"["[..], b"{\"a\":"][self.below(2)];
                let deep = open.repeat(1 + self.below(2_000));
                bytes.splice(at..at, deep);
            }
        }
    }
}
