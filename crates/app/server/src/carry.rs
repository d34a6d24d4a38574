//! `quarterdeck commissions export` and `import`: the files of the partner module's own format.

use crate::cli::ConfigArgs;
use crate::settings;
use qd_kernel::{Amount, Env, Problem, Result};
use qd_partners::carry::{self, ClientMap, Kind, Lines, Manifest, Sink, Source};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::audit::{self, Entry};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const MANIFEST: &str = "manifest.json";

fn unwritable(path: &Path, e: std::io::Error) -> Problem {
    Problem::unavailable("output", format!("{} could not be written", path.display())).with_source(e)
}

fn unreadable(path: &Path, e: std::io::Error) -> Problem {
    Problem::invalid("file", "file_unreadable", format!("expected a readable file at {}", path.display())).with_source(e)
}

/// For nobody but the owner: partners' names and bank details are in it.
fn create(path: &Path) -> Result<File> {
    let mut o = OpenOptions::new();
    o.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    o.open(path).map_err(|e| unwritable(path, e))
}

/// One file after the other; each is on the disk before the next begins.
struct Folder {
    at: PathBuf,
    now: Option<(PathBuf, BufWriter<File>)>,
}

impl Folder {
    fn close(&mut self) -> Result<()> {
        if let Some((path, file)) = self.now.take() {
            let file = file.into_inner().map_err(|e| unwritable(&path, e.into_error()))?;
            file.sync_all().map_err(|e| unwritable(&path, e))?;
        }
        Ok(())
    }
}

impl Sink for Folder {
    fn begin(&mut self, kind: Kind) -> Result<()> {
        self.close()?;
        let path = self.at.join(kind.file());
        self.now = Some((path.clone(), BufWriter::new(create(&path)?)));
        Ok(())
    }
    fn line(&mut self, line: &str) -> Result<()> {
        match &mut self.now {
            Some((path, file)) => file.write_all(line.as_bytes()).map_err(|e| unwritable(path, e)),
            None => Err(Problem::bug("output", "a line before its file")),
        }
    }
}

struct Files(PathBuf);

impl Source for Files {
    fn lines(&self, kind: Kind) -> Result<Lines> {
        let path = self.0.join(kind.file());
        let file = File::open(&path).map_err(|e| unreadable(&path, e))?;
        // Split at line feeds only: a carriage return is a change too.
        Ok(Box::new(BufReader::new(file).split(b'\n').map(move |l| {
            let bytes = l.map_err(|e| unreadable(&path, e))?;
            String::from_utf8(bytes)
                .map_err(|e| Problem::invalid("file", "file_not_text", format!("expected UTF-8 in {}", path.display())).with_source(e))
        })))
    }
}

pub async fn export(config: &ConfigArgs, out: PathBuf, entity: Option<String>) -> Result<ExitCode> {
    let (config, _) = settings::load(config)?;
    fs::create_dir_all(&out).map_err(|e| unwritable(&out, e))?;
    let mut there = fs::read_dir(&out).map_err(|e| unreadable(&out, e))?;
    if there.next().is_some() {
        return Err(Problem::invalid(
            "out",
            "folder_not_empty",
            format!("expected an empty folder, or none, at {}", out.display()),
        ));
    }
    let db = qd_app::open_database(&config.database).await?;
    let core = Core::new(db.clone(), Env::system());
    let (c, folder) = (core.clone(), out.clone());
    let manifest = db
        .read_long(async move |tx| {
            let mut sink = Folder {
                at: folder.clone(),
                now: None,
            };
            let m = carry::export(tx, &c, entity.as_deref(), &mut sink, &mut |file, done, _| {
                eprintln!("{file}: {done}");
            })
            .await?;
            sink.close()?;
            Ok(m)
        })
        .await?;
    // Last: a folder without a manifest is no export.
    let path = out.join(MANIFEST);
    let mut file = create(&path)?;
    serde_json::to_writer_pretty(&mut file, &manifest)?;
    file.write_all(b"\n")
        .and_then(|()| file.sync_all())
        .map_err(|e| unwritable(&path, e))?;
    let (c, m) = (core.clone(), manifest.clone());
    db.write(async move |tx| {
        let me = Caller::system("cli:commissions.export");
        let e = Entry::new(&me, "commission.export", format!("export:{}", m.export))
            .entity(m.entity.clone())
            .after(json!({"partners": m.rows(Kind::Partners), "lines": m.rows(Kind::Lines)}));
        audit::record(tx, &c, e).await
    })
    .await?;
    say(&manifest);
    Ok(ExitCode::SUCCESS)
}

pub async fn import(config: &ConfigArgs, from: PathBuf, dry_run: bool, client_map: Option<&Path>) -> Result<ExitCode> {
    let (config, _) = settings::load(config)?;
    let read = |path: &Path| fs::read_to_string(path).map_err(|e| unreadable(path, e));
    let manifest = read(&from.join(MANIFEST))?;
    let map = match client_map {
        Some(path) => ClientMap::read(&read(path)?)?,
        None => ClientMap::default(),
    };
    let db = qd_app::open_database(&config.database).await?;
    let core = Core::new(db, Env::system());
    let caller = Caller::system("cli:commissions.import");
    let out = carry::import(&core, &caller, &manifest, &Files(from), &map, dry_run, &mut |file, done, of| {
        eprintln!("{file}: {done} of {of}");
    })
    .await?;
    for f in &out.faults {
        println!("{f}");
    }
    if !out.faults.is_empty() {
        eprintln!("{} faults", out.faults.len());
        return Ok(ExitCode::FAILURE);
    }
    say(&Manifest::read(&manifest)?);
    match (dry_run, out.resumed) {
        (true, _) => eprintln!("the files are as the manifest says, and nothing stands against the import"),
        (false, true) => eprintln!(
            "{} rows, after those of an earlier run; everything is as the manifest says",
            out.rows
        ),
        (false, false) => eprintln!("{} rows; everything is as the manifest says", out.rows),
    }
    Ok(ExitCode::SUCCESS)
}

fn say(m: &Manifest) {
    for f in m.files.iter().filter(|f| f.rows > 0) {
        println!("{}: {} rows", f.file, f.rows);
    }
    for s in &m.sums {
        let text = |minor| Amount::new(minor, s.currency).text();
        println!(
            "{} {}: booked {} in {} lines, paid {}, {} statements closing with {}",
            s.partner_id,
            s.currency,
            text(s.booked_minor),
            s.lines,
            text(s.paid_minor),
            s.statements,
            text(s.closing_minor)
        );
    }
}
