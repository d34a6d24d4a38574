//! Statement files: kept as they came, read as a whole or not at all, entry by entry with progress.

use super::matching::{self, Found, Verdict};
use super::{FileState, HouseAccount, accounts, entries, payments};
use crate::jobs::FactsOf;
use crate::store::{self, BankFileRow};
use crate::{BankFileId, ClientFacts};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts};
use qd_ports::bank::{BankEntry, BankFile, BankFileKind, BankFiles, Direction, PaymentStatus};
use qd_ports::psp::SettlementFault;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::files::{FileId, FileRef, Files};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use qd_runtime::{Core, exceptions};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries in one transaction: progress is seen, and a kill repeats no more than these.
const AT_ONCE: usize = 40;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BankFile)]
pub struct FileView {
    pub id: BankFileId,
    pub entity: String,
    pub name: String,
    pub sha256: String,
    pub size: i64,
    /// `statement`, `notice` or `status`; None until it was read.
    pub kind: Option<String>,
    pub message_id: Option<String>,
    pub state: FileState,
    /// What is wrong with a refused one, with its line.
    pub fault: Option<SettlementFault>,
    /// Entries of the file, and how many are in.
    pub entries: i64,
    pub entries_done: i64,
    pub matched: i64,
    pub doubtful: i64,
    pub suspense: i64,
    /// Told by another file before.
    pub known: i64,
    pub payouts: i64,
    pub other: i64,
    /// Announced only.
    pub pending: i64,
    pub loaded_by: String,
    pub loaded_at_us: Ts,
    pub finished_at_us: Option<Ts>,
}

impl TryFrom<BankFileRow> for FileView {
    type Error = Problem;
    fn try_from(f: BankFileRow) -> Result<FileView> {
        Ok(FileView {
            kind: f.kind.map(|k| k.as_str().to_string()),
            fault: f.fault.as_deref().map(serde_json::from_str).transpose()?,
            id: f.id,
            entity: f.entity,
            name: f.name,
            sha256: f.sha256,
            size: f.size,
            message_id: f.message_id,
            state: f.state,
            entries: f.entries,
            entries_done: f.entries_done,
            matched: f.matched,
            doubtful: f.doubtful,
            suspense: f.suspense,
            known: f.known,
            payouts: f.payouts,
            other: f.other,
            pending: f.pending,
            loaded_by: f.loaded_by,
            loaded_at_us: f.loaded_at,
            finished_at_us: f.finished_at,
        })
    }
}

/// Keeps a stored file and has it read. The same content again is the file of before.
pub async fn load(tx: &mut Tx, core: &Core, caller: &Caller, entity: &str, name: &str, file: &FileRef) -> Result<FileView> {
    caller.require(Right::DepositsManage)?;
    if !caller.enters(Some(entity)) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    let name: String = name.chars().filter(|c| !c.is_control()).take(120).collect();
    let f = BankFileRow {
        id: BankFileId::new(&core.env),
        entity: entity.to_string(),
        name,
        sha256: file.sha256.clone(),
        file_id: file.id.to_string(),
        size: file.size,
        kind: None,
        message_id: None,
        state: FileState::Waiting,
        fault: None,
        entries: 0,
        entries_done: 0,
        matched: 0,
        doubtful: 0,
        suspense: 0,
        known: 0,
        payouts: 0,
        other: 0,
        pending: 0,
        loaded_by: caller.id(),
        loaded_at: core.now(),
        finished_at: None,
        version: 1,
    };
    if !store::insert_bank_file(tx, &f).await? {
        return store::bank_file_by_hash(tx, &file.sha256)
            .await?
            .filter(|f| caller.enters(Some(&f.entity)))
            .ok_or_else(|| Problem::conflict("file_known", "this file was loaded before"))?
            .try_into();
    }
    qd_runtime::files::record(tx, core, file, &format!("bank_file:{}", f.id)).await?;
    audit::record(
        tx,
        core,
        Entry {
            entity: Some(f.entity.clone()),
            after: Some(json!({"name": f.name, "sha256": f.sha256, "size": f.size})),
            ..Entry::new(caller, "bank_file.loaded", format!("bank_file:{}", f.id))
        },
    )
    .await?;
    let job = NewJob::new("bank.read", json!({"file_id": f.id}), core.now())
        .key(f.id.to_string())
        .lane(format!("bank:{entity}"))
        .attempts(50);
    jobs::enqueue(tx, core, job).await?;
    f.try_into()
}

async fn scoped(tx: &mut Tx, caller: &Caller, id: BankFileId) -> Result<BankFileRow> {
    caller.require(Right::DepositsView)?;
    store::bank_file(tx, id)
        .await?
        .filter(|f| caller.enters(Some(&f.entity)))
        .ok_or_else(|| Problem::missing("bank file"))
}

/// Needs `deposits.view`.
pub async fn file(tx: &mut Tx, caller: &Caller, id: BankFileId) -> Result<FileView> {
    scoped(tx, caller, id).await?.try_into()
}

/// The stored file as it came, for inspection. Needs `deposits.manage`.
pub async fn original(tx: &mut Tx, caller: &Caller, id: BankFileId) -> Result<FileId> {
    caller.require(Right::DepositsManage)?;
    FileId::parse(&scoped(tx, caller, id).await?.file_id)
}

/// The newest first.
pub async fn list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<FileView>> {
    caller.require(Right::DepositsView)?;
    let rows = store::bank_files(tx, caller.allowed_entities().as_deref(), page).await?;
    let rows = page.finish(rows, |f| f.id.to_string());
    Ok(Page {
        items: rows.items.into_iter().map(FileView::try_from).collect::<Result<_>>()?,
        next_cursor: rows.next_cursor,
    })
}

/// What became of some entries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub matched: i64,
    pub doubtful: i64,
    pub suspense: i64,
    pub known: i64,
    pub payouts: i64,
    pub other: i64,
}

/// Reads a file that was loaded.
pub(crate) struct Read {
    pub core: Core,
    pub files: Files,
    pub formats: Arc<dyn BankFiles>,
    pub facts: Arc<dyn FactsOf>,
}

type JobResult = std::result::Result<(), JobError>;

#[async_trait]
impl Handler for Read {
    fn kind(&self) -> &'static str {
        "bank.read"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let id = BankFileId::parse(lease.text("file_id")?)?;
        let db = &self.core.db;
        let row = db
            .read(async move |tx| store::bank_file(tx, id).await?.ok_or_else(|| Problem::missing("bank file")))
            .await?;
        if matches!(row.state, FileState::Done | FileState::Refused) {
            return Ok(());
        }
        let content = self.files.get(FileId::parse(&row.file_id)?).await?;
        let formats = self.formats.clone();
        let read = tokio::task::spawn_blocking(move || formats.read(&content.bytes))
            .await
            .map_err(|e| Problem::bug("bank_reader_panicked", "the reader of bank files panicked").with_source(e))?;
        let file = match read {
            Ok(f) => f,
            Err(fault) => return self.refuse(lease, row, None, fault).await,
        };
        let entity = row.entity.clone();
        let ours = db.read(async move |tx| accounts(tx, &entity).await).await?;
        let mut all: Vec<(HouseAccount, BankEntry)> = Vec::new();
        for a in &file.accounts {
            let known = ours
                .accounts
                .iter()
                .find(|o| o.iban == a.account && a.currency.is_none_or(|c| c == o.currency));
            let Some(own) = known else {
                let fault = SettlementFault {
                    line: 0,
                    field: "Acct/Id".into(),
                    code: "account_unknown".into(),
                    expected: format!("expected an account of {} in its setting {}", row.entity, super::ACCOUNTS),
                };
                return self.refuse(lease, row, Some(&file), fault).await;
            };
            all.extend(a.entries.iter().map(|e| (own.clone(), e.clone())));
        }
        match file.kind {
            BankFileKind::Status => self.statuses(lease, row, file).await,
            BankFileKind::Statement | BankFileKind::Notice => self.entries(lease, row, &file, all).await,
        }
    }
}

async fn save(tx: &mut Tx, f: &mut BankFileRow) -> Result<()> {
    if !store::update_bank_file(tx, f).await? {
        return Err(Problem::unavailable("bank_file_changed", "another worker reads this file"));
    }
    f.version += 1;
    Ok(())
}

fn head(row: &mut BankFileRow, file: &BankFile) {
    row.kind = Some(file.kind);
    row.message_id = Some(file.message_id.chars().take(60).collect());
    row.pending = file.accounts.iter().map(|a| i64::from(a.pending)).sum();
}

impl Read {
    /// Kept for inspection; a person sees what is wrong and where.
    async fn refuse(&self, lease: &Lease, mut row: BankFileRow, file: Option<&BankFile>, fault: SettlementFault) -> JobResult {
        if let Some(f) = file {
            head(&mut row, f);
        }
        row.state = FileState::Refused;
        row.fault = Some(serde_json::to_string(&fault).map_err(Problem::from)?);
        row.finished_at = Some(self.core.now());
        let (c, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                save(tx, &mut row.clone()).await?;
                exceptions::raise(
                    tx,
                    &c,
                    exceptions::NewException {
                        kind: "bank.file_refused",
                        subject: format!("bank_file:{}", row.id),
                        entity: Some(row.entity.clone()),
                        client_id: None,
                        owner_role: "finance",
                        rule: "bank_file_unreadable",
                        cause: format!("{}: line {}, {}: {}", row.name, fault.line, fault.field, fault.expected),
                        detail: json!({"file_id": row.id, "fault": fault}),
                        retry: None,
                    },
                )
                .await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }

    async fn entries(&self, lease: &Lease, mut row: BankFileRow, file: &BankFile, all: Vec<(HouseAccount, BankEntry)>) -> JobResult {
        head(&mut row, file);
        row.state = FileState::Reading;
        row.entries = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let mut clients: BTreeMap<String, ClientFacts> = BTreeMap::new();
        loop {
            let from = usize::try_from(row.entries_done).unwrap_or(usize::MAX);
            let part: Vec<(HouseAccount, BankEntry)> = all.iter().skip(from).take(AT_ONCE).cloned().collect();
            let found = self.found(&row.entity, &part).await?;
            for id in found.iter().flat_map(Found::clients) {
                if !clients.contains_key(id) {
                    clients.insert(id.clone(), self.facts.facts(id, None).await?);
                }
            }
            let names: BTreeMap<String, String> = clients.iter().map(|(id, f)| (id.clone(), f.name.clone())).collect();
            let judged: Vec<(HouseAccount, BankEntry, Verdict, Option<ClientFacts>)> = part
                .into_iter()
                .zip(&found)
                .map(|((a, e), f)| {
                    let verdict = if e.direction == Direction::In {
                        matching::judge(&e, f, &names)
                    } else {
                        Verdict::Nobody
                    };
                    let facts = match &verdict {
                        Verdict::Deposit(id) => owner(f, &id.to_string()).and_then(|c| clients.get(c)).cloned(),
                        _ => None,
                    };
                    (a, e, verdict, facts)
                })
                .collect();
            let last = from + judged.len() >= all.len();
            let (c, l, before) = (self.core.clone(), lease.clone(), row.clone());
            row = self
                .core
                .db
                .write(async move |tx| {
                    let mut f = before.clone();
                    let mut n = Counts::default();
                    for (a, e, verdict, facts) in &judged {
                        entries::take(tx, &c, &f, a, e, verdict, facts.as_ref(), &mut n).await?;
                    }
                    f.entries_done += i64::try_from(judged.len()).unwrap_or(i64::MAX);
                    f.matched += n.matched;
                    f.doubtful += n.doubtful;
                    f.suspense += n.suspense;
                    f.known += n.known;
                    f.payouts += n.payouts;
                    f.other += n.other;
                    if last {
                        f.state = FileState::Done;
                        f.finished_at = Some(c.now());
                    }
                    save(tx, &mut f).await?;
                    if last {
                        l.complete(tx).await?;
                    }
                    Ok(f)
                })
                .await?;
            if last {
                return Ok(());
            }
        }
    }

    async fn found(&self, entity: &str, part: &[(HouseAccount, BankEntry)]) -> Result<Vec<Found>> {
        let (entity, part, now) = (entity.to_string(), part.to_vec(), self.core.now());
        self.core
            .db
            .read(async move |tx| {
                let mut out = Vec::with_capacity(part.len());
                for (a, e) in &part {
                    out.push(if e.direction == Direction::In {
                        matching::find(tx, &entity, &a.connection, &a.iban, e, now).await?
                    } else {
                        Found::default()
                    });
                }
                Ok(out)
            })
            .await
    }

    /// An answer to a payment file is short: one transaction.
    async fn statuses(&self, lease: &Lease, mut row: BankFileRow, file: BankFile) -> JobResult {
        head(&mut row, &file);
        row.entries = i64::try_from(file.statuses.len()).unwrap_or(i64::MAX);
        row.entries_done = row.entries;
        row.state = FileState::Done;
        row.finished_at = Some(self.core.now());
        let (c, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                let mut f = row.clone();
                let told: &[PaymentStatus] = &file.statuses;
                for s in told {
                    if payments::answered(tx, &c, &f.entity, s).await? {
                        f.payouts += 1;
                    } else {
                        f.other += 1;
                    }
                }
                save(tx, &mut f).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

fn owner<'a>(f: &'a Found, deposit: &str) -> Option<&'a String> {
    match &f.named {
        Some((id, client)) if id.to_string() == deposit => Some(client),
        _ => f.waiting.iter().find(|w| w.0 == deposit).map(|w| &w.1),
    }
}
