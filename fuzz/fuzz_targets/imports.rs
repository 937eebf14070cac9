#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| kubeknock::fuzzing::imports(data));
