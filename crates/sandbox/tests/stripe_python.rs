//! Stripe's official Python library as the judge of the sandbox. Needs `python3` and a package
//! index; without them the test fails, as nothing would have been proven.
#![allow(clippy::unwrap_used)]

mod stripe_support;

use std::path::{Path, PathBuf};
use std::process::Output;
use stripe_support::*;
use tokio::process::Command;

const PACKAGE: &str = "stripe==16.1.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_s_own_library_finds_nothing_to_complain_about() {
    let python = library().await;
    let w = world().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stripe_official.py");
    let out = Command::new(python)
        .arg(script)
        .args([
            &format!("{}/sandbox/stripe", w.base),
            KEY,
            SECRET,
            &format!("{}/caught", w.hook_base),
            &format!("{}/sandbox/control", w.base),
            CONNECTION,
        ])
        .output()
        .await
        .expect("python runs");
    let text = said(&out);
    assert!(out.status.success() && text.contains("all done with stripe"), "{text}");
}

/// A Python that has the library, in a folder of the build's own.
async fn library() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripe-python");
    let python = home.join("bin/python");
    let ready = || async {
        let check = format!("import stripe; assert stripe.VERSION == '{}'", PACKAGE.rsplit('=').next().unwrap());
        python.exists()
            && Command::new(&python)
                .args(["-c", &check])
                .output()
                .await
                .is_ok_and(|o| o.status.success())
    };
    if !ready().await {
        let made = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&home)
            .output()
            .await
            .expect("python3 is installed");
        assert!(made.status.success(), "no virtual environment: {}", said(&made));
        let got = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE])
            .output()
            .await
            .unwrap();
        assert!(got.status.success(), "{PACKAGE} could not be installed: {}", said(&got));
        assert!(ready().await, "{PACKAGE} is installed and cannot be used");
    }
    python
}

fn said(o: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr))
}
