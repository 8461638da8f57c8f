#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| athanor_fuzz::worker::rpc(data));
