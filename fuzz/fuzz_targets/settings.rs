#![no_main]
// Modules of the program, because the library does not read the settings file.
#![allow(dead_code, unused_imports)]

#[path = "../../src/bin/kubeknock/args/mod.rs"]
mod args;
#[path = "../../src/bin/kubeknock/habits.rs"]
mod habits;
#[path = "../../src/bin/kubeknock/say.rs"]
mod say;
#[path = "../../src/bin/kubeknock/settings_file/mod.rs"]
mod settings_file;
#[path = "../../src/bin/kubeknock/suggest.rs"]
mod suggest;
#[path = "../../src/bin/kubeknock/units.rs"]
mod units;

libfuzzer_sys::fuzz_target!(|data: &[u8]| settings_file::fuzzed::settings(data));
