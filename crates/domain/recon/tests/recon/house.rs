//! The money path with reconciliation beside it.

pub use crate::world::*;
use axum::body::{Body, to_bytes};
use qd_kernel::{PageRequest, Problem, Secret};
use qd_recon::breaks::{self, BreakFilter, BreakView};
use qd_recon::files::{self, FileView};
use qd_recon::{BreakKind, BreakState, FileState, SettlementFileId};
use qd_runtime::access::{Caller, Role};
use qd_runtime::files::{FileKey, Files, FilesConfig};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_testkit::TestDb;
use std::ops::Deref;
use std::path::PathBuf;
use tower::ServiceExt;

pub struct House {
    pub w: World,
    pub files: Files,
    dir: PathBuf,
}

impl Deref for House {
    type Target = World;
    fn deref(&self) -> &World {
        &self.w
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl House {
    pub async fn new(t: TestDb) -> House {
        let mut w = World::new(t).await;
        let dir = std::env::temp_dir().join(format!("qd-recon-{}-{}", std::process::id(), w.core.db.engine().name()));
        let dir = dir.join(qd_kernel::Env::system().entropy.code(8));
        let config = FilesConfig {
            dir: dir.clone(),
            keys: vec![FileKey {
                id: "k1".into(),
                hex: Secret::new("7c".repeat(32)),
            }],
            max_bytes: 1 << 20,
        };
        let files = Files::open(config, w.core.env.clone()).unwrap();
        w.g.registry = std::mem::take(&mut w.g.registry).add(qd_recon::handlers(&w.core, &w.psps, &files).remove(0));
        House { w, files, dir }
    }

    /// What the provider would export of everything up to now.
    pub async fn export(&self) -> String {
        let req = axum::http::Request::builder()
            .uri(format!("/control/stripe/{PSP}/settlement"))
            .body(Body::empty())
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        assert!(res.status().is_success());
        String::from_utf8(to_bytes(res.into_body(), 1 << 24).await.unwrap().to_vec()).unwrap()
    }

    pub async fn load_as(&self, who: Caller, text: &str) -> Result<FileView, Problem> {
        let sealed = files::seal(&self.files, text.as_bytes())?;
        let (core, psps) = (self.core.clone(), self.psps.clone());
        self.core
            .db
            .write(async move |tx| files::load(tx, &core, &psps, &who, PSP, "balance.csv", &sealed).await)
            .await
    }

    /// Loads a file and reads it to its end.
    pub async fn load(&self, text: &str) -> FileView {
        let f = self.load_as(finance(), text).await.unwrap();
        self.work().await;
        let f = self.file(f.id).await;
        assert_eq!(f.state, FileState::Done, "{f:?}");
        f
    }

    pub async fn file(&self, id: SettlementFileId) -> FileView {
        self.core
            .db
            .read(async move |tx| files::get(tx, &finance(), id).await)
            .await
            .unwrap()
    }

    /// The recurring look.
    pub async fn look(&self) {
        self.clock.advance_secs(2);
        let schedule = Registry::new().every("reconcile", 1, qd_recon::sweep(&self.core, &self.psps, &self.files));
        run_until_idle(&self.core, &schedule).await.unwrap();
        self.work().await;
    }

    pub async fn breaks(&self, state: BreakState) -> Vec<BreakView> {
        let core = self.core.clone();
        let f = BreakFilter {
            state: Some(state),
            ..BreakFilter::default()
        };
        let page = PageRequest::new(Some(200), None).unwrap();
        let mut all = self
            .core
            .db
            .read(async move |tx| breaks::list(tx, &core, &finance(), f.clone(), &page).await)
            .await
            .unwrap()
            .items;
        all.sort_by_key(|b| b.kind);
        all
    }

    pub async fn kinds(&self) -> Vec<BreakKind> {
        self.breaks(BreakState::Open).await.iter().map(|b| b.kind).collect()
    }
}

pub fn finance() -> Caller {
    staff("Fin", Role::Finance)
}

/// A file's lines without the heading.
pub fn lines_of(text: &str) -> Vec<String> {
    text.lines().skip(1).map(str::to_string).collect()
}

/// The file with other lines below its heading.
pub fn with(text: &str, lines: &[String]) -> String {
    let heading = text.lines().next().unwrap();
    format!("{heading}\n{}\n", lines.join("\n"))
}

/// The place of the line that carries a text.
pub fn at(lines: &[String], part: impl std::fmt::Display) -> usize {
    let part = part.to_string();
    lines
        .iter()
        .position(|l| l.contains(&part))
        .unwrap_or_else(|| panic!("{part} in {lines:#?}"))
}
