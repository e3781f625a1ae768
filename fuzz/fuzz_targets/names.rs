#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tnlog_fuzz::targets::names(data));
