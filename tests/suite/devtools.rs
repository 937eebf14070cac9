//! Drives Chromium through its debugging pipe: any width, colour scheme and script. The unit tests of the library and a
//! benchmark use this file, too.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A browser with one page. Ends with the value.
pub(crate) struct Browser {
    child: Child,
    commands: File,
    answers: BufReader<File>,
    session: String,
    last_id: u64,
    /// What the page wrote to the console, and the exceptions of its scripts.
    pub(crate) console: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser without network; `None` without one.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| folder.path().join(name);
        for name in ["commands", "answers"] {
            let made = Command::new("mkfifo").arg(pipe(name)).status().ok()?;
            assert!(made.success());
        }
        // The browser reads commands from descriptor 3 and answers on descriptor 4.
        let script = "command -v chromium >/dev/null || exit 1; exec chromium --headless=new --no-sandbox \
                      --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking \
                      --host-resolver-rules='MAP * ~NOTFOUND' --remote-debugging-pipe --user-data-dir=\"$0/profile\" \
                      about:blank 3<\"$0/commands\" 4>\"$0/answers\"";
        let found = Command::new("chromium").arg("--version").output();
        found.ok().filter(|output| output.status.success())?;
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let commands = OpenOptions::new().write(true).open(pipe("commands")).ok()?;
        let answers = BufReader::new(File::open(pipe("answers")).ok()?);
        let mut this = Self {
            child,
            commands,
            answers,
            session: String::new(),
            last_id: 0,
            console: Vec::new(),
            _folder: folder,
        };
        let target = this.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = this.call("Target.attachToTarget", &attach);
        (session["sessionId"].as_str().unwrap()).clone_into(&mut this.session);
        for domain in ["Page", "Runtime", "Log"] {
            this.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(this)
    }

    /// Opens a file at a width, in a light or dark colour scheme, and waits until it is loaded. Returns the
    /// milliseconds from the start to the end of loading.
    pub(crate) fn open(&mut self, file: &Path, width: u32, scheme: &str) -> f64 {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &media);
        self.console.clear();
        self.call("Page.navigate", &json!({"url": "about:blank"}));
        self.call(
            "Page.navigate",
            &json!({"url": format!("file://{}", file.display())}),
        );
        let loaded = "new Promise((done) => {
            const check = () => {
                const timing = performance.getEntriesByType('navigation')[0];
                if (location.href !== 'about:blank' && timing && timing.loadEventEnd > 0) done(timing.loadEventEnd);
                else setTimeout(check, 20);
            };
            check();
        })";
        self.evaluate(loaded).as_f64().unwrap()
    }

    /// Lets the page write to the clipboard and read it.
    #[allow(dead_code, reason = "a benchmark does not need it")]
    pub(crate) fn allow_clipboard(&mut self) {
        let permissions = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        self.call("Browser.grantPermissions", &permissions);
        self.call(
            "Emulation.setFocusEmulationEnabled",
            &json!({"enabled": true}),
        );
    }

    /// The value of an expression on the page. A promise is awaited.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Sends a command and waits for its result.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": params});
        if !self.session.is_empty() {
            command["sessionId"] = self.session.as_str().into();
        }
        write!(self.commands, "{command}\0").unwrap();
        loop {
            let mut message = Vec::new();
            let length = self.answers.read_until(0, &mut message).unwrap();
            assert!(length > 0, "the browser ended at {method}");
            let message: Value = serde_json::from_slice(&message[..length - 1]).unwrap();
            match message["method"].as_str() {
                Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded") => {
                    self.console.push(message["params"].to_string());
                }
                _ if message["id"] == self.last_id => {
                    assert!(message["error"].is_null(), "{method}: {message}");
                    return message["result"].clone();
                }
                _ => {}
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = write!(
            self.commands,
            "{}\0",
            json!({"id": 0, "method": "Browser.close"})
        );
        let _ = self.child.wait();
    }
}
