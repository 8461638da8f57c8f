//! Keys from the bytes a terminal sends.
//!
//! A small parser of the sequences all terminals in use share; what it does not know it
//! drops, so nothing a terminal answers or a user pastes can become an answer.

use super::keys::Key;

/// Longest escape sequence that is read; longer ones are dropped to their end.
const MAX_SEQUENCE: usize = 32;

/// Turns pasting in brackets on: pasted text can be told from keys.
pub const PASTE_ON: &str = "\x1b[?2004h";

/// Turns it off.
pub const PASTE_OFF: &str = "\x1b[?2004l";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// Behind `ESC [`.
    Control(Vec<u8>),
    /// Behind `ESC O`.
    Single,
    /// Bytes of a character, and how many are missing.
    Utf8(Vec<u8>, usize),
}

/// Keys from bytes.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    state: State,
    pasting: bool,
}

impl Parser {
    /// What some bytes mean.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        bytes.iter().filter_map(|byte| self.byte(*byte)).collect()
    }

    /// Whether an escape byte is waiting for what may follow it.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Escape
    }

    /// Nothing followed the escape byte in time: it was the key.
    pub fn timeout(&mut self) -> Option<Key> {
        if self.state != State::Escape {
            return None;
        }
        self.state = State::Ground;
        self.key(Key::Esc)
    }

    fn key(&self, key: Key) -> Option<Key> {
        (!self.pasting).then_some(key)
    }

    fn byte(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Ground => self.ground(byte),
            State::Escape => match byte {
                b'[' => {
                    self.state = State::Control(Vec::new());
                    None
                }
                b'O' => {
                    self.state = State::Single;
                    None
                }
                0x1b => {
                    self.state = State::Escape;
                    self.key(Key::Esc)
                }
                // Alt and a key: no key of ours.
                _ => None,
            },
            State::Single => self.key(match byte {
                b'A' => Key::Up,
                b'B' => Key::Down,
                b'C' => Key::Right,
                b'D' => Key::Left,
                b'F' => Key::End,
                b'H' => Key::Home,
                b'M' => Key::Enter,
                _ => return None,
            }),
            State::Control(mut parameters) => match byte {
                0x40..=0x7e => self.control(&parameters, byte),
                0x20..=0x3f => {
                    if parameters.len() < MAX_SEQUENCE {
                        parameters.push(byte);
                    }
                    self.state = State::Control(parameters);
                    None
                }
                // A broken sequence: what breaks it counts.
                other => self.ground(other),
            },
            State::Utf8(mut bytes, missing) => {
                if byte & 0xc0 != 0x80 {
                    return self.ground(byte);
                }
                bytes.push(byte);
                if missing > 1 {
                    self.state = State::Utf8(bytes, missing - 1);
                    return None;
                }
                let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
                self.key(Key::Char(c)).filter(|_| !c.is_control())
            }
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        match byte {
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x03 => self.key(Key::Interrupt),
            b'\r' | b'\n' => self.key(Key::Enter),
            b'\t' => self.key(Key::Tab),
            0x08 | 0x7f => self.key(Key::Backspace),
            b' '..=b'~' => self.key(Key::Char(byte.into())),
            0xc2..=0xdf => self.begin(byte, 1),
            0xe0..=0xef => self.begin(byte, 2),
            0xf0..=0xf4 => self.begin(byte, 3),
            _ => None,
        }
    }

    fn begin(&mut self, byte: u8, missing: usize) -> Option<Key> {
        self.state = State::Utf8(vec![byte], missing);
        None
    }

    fn control(&mut self, parameters: &[u8], last: u8) -> Option<Key> {
        match (parameters, last) {
            (b"200", b'~') => {
                self.pasting = true;
                return None;
            }
            (b"201", b'~') => {
                self.pasting = false;
                return None;
            }
            _ => {}
        }
        self.key(match (parameters, last) {
            (_, b'A') => Key::Up,
            (_, b'B') => Key::Down,
            (_, b'C') => Key::Right,
            (_, b'D') => Key::Left,
            (_, b'F') | (b"4" | b"8", b'~') => Key::End,
            (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
            (_, b'Z') => Key::BackTab,
            (b"3", b'~') => Key::Delete,
            (b"5", b'~') => Key::PageUp,
            (b"6", b'~') => Key::PageDown,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Parser::default().feed(bytes)
    }

    #[test]
    fn keys_of_all_terminals_are_known() {
        for (bytes, key) in [
            (&b"a"[..], Key::Char('a')),
            ("é".as_bytes(), Key::Char('é')),
            ("日".as_bytes(), Key::Char('日')),
            (b"\r", Key::Enter),
            (b"\t", Key::Tab),
            (b"\x7f", Key::Backspace),
            (b"\x08", Key::Backspace),
            (b"\x03", Key::Interrupt),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::Right),
            (b"\x1b[D", Key::Left),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[H", Key::Home),
            (b"\x1b[4~", Key::End),
        ] {
            assert_eq!(keys(bytes), [key], "{bytes:?}");
        }
        assert_eq!(
            keys(b"1\x1b[C2"),
            [Key::Char('1'), Key::Right, Key::Char('2')]
        );
    }

    #[test]
    fn escape_alone_is_a_key_once_nothing_follows() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(b"\x1b"), []);
        assert!(parser.is_waiting());
        assert_eq!(parser.timeout(), Some(Key::Esc));
        assert_eq!(parser.timeout(), None);
        assert_eq!(parser.feed(b"\x1b"), []);
        assert_eq!(parser.feed(b"[A"), [Key::Up]);
        assert!(!parser.is_waiting());
    }

    #[test]
    fn pasted_text_and_answers_of_the_terminal_are_no_keys() {
        assert_eq!(keys(b"\x1b[200~111s\r\x1b[201~2"), [Key::Char('2')]);
        // Its position, its kind, its colour.
        assert_eq!(keys(b"\x1b[24;80R\x1b[?62;22c\x1b[?1u"), []);
        assert_eq!(keys(b"\x1bq\xff\xfe\x00\x1b[99~"), []);
        assert_eq!(keys(b"\xe6\x97a"), [Key::Char('a')]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_keys(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cut in 0usize..200,
        ) {
            let whole = keys(&bytes);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut parser = Parser::default();
            let mut pieces = parser.feed(first);
            pieces.extend(parser.feed(second));
            prop_assert_eq!(&whole, &pieces);
            prop_assert!(whole.iter().all(|key| !matches!(key, Key::Char(c) if c.is_control())));
        }
    }
}
