//! The checker. It recomputes every hash and signature with code of its own, from the stored rows
//! and what is handed in from outside: the public keys, and heads that left the house earlier.

use super::store_verify::{self as store, Decided, Linked};
use ed25519_dalek::{Signature, VerifyingKey};
use qd_db::Db;
use qd_kernel::{Problem, Result};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

const PAGE: i64 = 1_000;
/// After so many lines a reader knows.
const MAX_FAULTS: usize = 1_000;

/// What the checker believes: nothing of it comes from the database.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Ed25519 public keys. Without one, signatures are reported as unchecked only if there are any.
    pub keys: Vec<[u8; 32]>,
    /// Heads kept elsewhere: the chain must still pass through each.
    pub heads: Vec<Head>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub position: i64,
    pub chain_hash: [u8; 32],
}

impl Head {
    /// From a line of the file in which checkpoints were kept outside. Its signature must be good
    /// under one of the keys, else it proves nothing.
    pub fn from_line(line: &str, keys: &[[u8; 32]]) -> Result<Head> {
        let bad = || Problem::invalid("checkpoint", "checkpoint_malformed", "a checkpoint line signed by a known key");
        let c = super::Checkpoint::parse(line)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(&c.chain_hash, &mut hash).map_err(|_| bad())?;
        let signature = hex::decode(&c.signature).map_err(|_| bad())?;
        if !keys.iter().any(|k| signed_by(k, c.position, &hash, c.at.micros(), &signature)) {
            return Err(bad());
        }
        Ok(Head {
            position: c.position,
            chain_hash: hash,
        })
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable: "row_changed", "row_missing", "link_missing", "link_changed", "row_loose", "tail_cut",
    /// "checkpoint_forged", "checkpoint_mismatch", "head_mismatch", "decision_changed", …
    pub code: &'static str,
    /// Which row: `aud_…`, "position 17", "checkpoint 1000", `dcs_…`.
    pub row: String,
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "audit: {}: {}: {}", self.code, self.row, self.detail)
    }
}

fn fault(code: &'static str, row: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        row: row.into(),
        detail: detail.into(),
    }
}

/// Everything that is wrong with the trail, in the order of the chain. Empty: nothing is.
pub async fn verify(db: &Db, trust: &Trust) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    // Rows sealed while we read are for the next time.
    let Some((head_position, head_hash)) = db.read_long(async |tx| store::head(tx).await).await? else {
        return Ok(vec![fault(
            "head_mismatch",
            "head",
            "the row that says where the chain ends is gone",
        )]);
    };
    // Where a checkpoint or an outside head wants to see the chain.
    let mut wanted: BTreeMap<i64, Vec<(&'static str, [u8; 32])>> = BTreeMap::new();
    for h in &trust.heads {
        wanted.entry(h.position).or_default().push(("outside", h.chain_hash));
    }
    let mut after = 0;
    loop {
        let page = db.read_long(async move |tx| store::checkpoints(tx, after, PAGE).await).await?;
        let Some(last) = page.last() else { break };
        after = last.0;
        for (position, hash, at, key_id, signature) in page {
            let row = format!("checkpoint {position}");
            let Ok(hash) = <[u8; 32]>::try_from(hash.as_slice()) else {
                faults.push(fault("checkpoint_forged", row, "its hash is not 32 bytes"));
                continue;
            };
            match trust.keys.iter().find(|k| key_name(k) == key_id) {
                Some(k) if signed_by(k, position, &hash, at, &signature) => wanted.entry(position).or_default().push(("checkpoint", hash)),
                Some(_) => faults.push(fault("checkpoint_forged", row, "its signature is not good")),
                None => faults.push(fault(
                    "checkpoint_unknown_key",
                    row,
                    format!("signed by key {key_id}, which is not among the trusted ones"),
                )),
            }
        }
    }

    let (mut expected, mut previous) = (1_i64, [0_u8; 32]);
    'pages: loop {
        let from = expected - 1;
        let page = db.read_long(async move |tx| store::links(tx, from, PAGE).await).await?;
        if page.is_empty() {
            break;
        }
        let mut decisions: Vec<(String, String, String)> = Vec::new();
        for l in &page {
            if l.position > head_position {
                break 'pages;
            }
            if l.position != expected {
                let gap = if l.position == expected + 1 {
                    format!("position {expected}")
                } else {
                    format!("positions {expected} to {}", l.position - 1)
                };
                faults.push(fault("link_missing", gap, "the chain has a hole here"));
            }
            let broken = l.position != expected;
            check_link(l, &previous, broken, &mut faults);
            if let (Some(action), Some(after)) = (l.action.as_deref(), l.after.as_deref())
                && action == "decision.made"
            {
                decisions.extend(decision_mark(after).map(|(id, sha)| (l.link_audit_id.clone(), id, sha)));
            }
            // From the stored link on, so that one fault is one line.
            previous = l.link_chain.as_slice().try_into().unwrap_or([0; 32]);
            for (whose, hash) in wanted.remove(&l.position).unwrap_or_default() {
                if hash != previous {
                    faults.push(fault(
                        "checkpoint_mismatch",
                        format!("position {}", l.position),
                        format!("the {whose} head of this position is another one"),
                    ));
                }
            }
            expected = l.position + 1;
            if faults.len() >= MAX_FAULTS {
                faults.push(fault("too_many", "chain", "more faults follow; the check stopped here"));
                return Ok(faults);
            }
        }
        check_decisions(db, decisions, &mut faults).await?;
    }

    let reached = expected - 1;
    if reached < head_position {
        faults.push(fault(
            "tail_cut",
            format!("positions {expected} to {head_position}"),
            "the chain ends before its head",
        ));
    } else if <[u8; 32]>::try_from(head_hash.as_slice()).ok() != Some(previous) {
        faults.push(fault("head_mismatch", "head", "the head's hash is not that of the last link"));
    }
    for (position, list) in wanted {
        for (whose, _) in list {
            // An outside head may name a hole inside the chain, already reported as such.
            let detail = format!("the {whose} head says the chain reached this position; it ends at {reached}");
            faults.push(fault("tail_cut", format!("position {position}"), detail));
        }
    }
    check_the_rest(db, &mut faults).await?;
    Ok(faults)
}

fn check_link(l: &Linked, previous: &[u8; 32], after_hole: bool, faults: &mut Vec<Fault>) {
    match content_of(l) {
        None => faults.push(fault(
            "row_missing",
            &l.link_audit_id,
            format!("position {} names this row, and it is gone", l.position),
        )),
        Some(content) if content[..] != l.link_content[..] => {
            faults.push(fault(
                "row_changed",
                &l.link_audit_id,
                format!("its content is not what was chained at position {}", l.position),
            ));
        }
        Some(content) if l.content.as_deref() != Some(&content[..]) => {
            faults.push(fault("row_changed", &l.link_audit_id, "its own content hash is another one"));
        }
        Some(_) => {}
    }
    let mut joined = previous.to_vec();
    joined.extend_from_slice(&l.link_content);
    // After a hole the previous link is not known: the hole is the fault.
    if !after_hole && Sha256::digest(&joined)[..] != l.link_chain[..] {
        faults.push(fault(
            "link_changed",
            &l.link_audit_id,
            format!("position {} does not follow from the one before", l.position),
        ));
    }
}

/// The canonical bytes, written out a second time from the description.
fn canonical(head: &str, fields: &[Option<&str>]) -> Vec<u8> {
    let mut bytes = format!("{head}\n").into_bytes();
    for field in fields {
        match field {
            Some(text) => {
                bytes.extend(format!("{}:", text.len()).bytes());
                bytes.extend(text.bytes());
            }
            None => bytes.push(b'-'),
        }
        bytes.push(b'\n');
    }
    bytes
}

fn content_of(l: &Linked) -> Option<Vec<u8>> {
    let at = l.at?.to_string();
    let fields = [
        Some(l.id.as_deref()?),
        Some(at.as_str()),
        Some(l.actor_kind.as_deref()?),
        Some(l.actor_id.as_deref()?),
        Some(l.actor_label.as_deref()?),
        l.session_id.as_deref(),
        l.ip.as_deref(),
        l.device.as_deref(),
        Some(l.action.as_deref()?),
        Some(l.object.as_deref()?),
        l.client_id.as_deref(),
        l.entity.as_deref(),
        l.before.as_deref(),
        l.after.as_deref(),
        l.reason.as_deref(),
        l.rule.as_deref(),
        l.seen.as_deref(),
    ];
    Some(Sha256::digest(canonical("qd.audit.1", &fields)).to_vec())
}

fn decision_hash(d: &Decided) -> String {
    let (version, at) = (d.rule_version.map(|v| v.to_string()), d.at.to_string());
    let fields = [
        Some(d.id.as_str()),
        Some(d.kind.as_str()),
        Some(d.subject.as_str()),
        d.client_id.as_deref(),
        Some(d.outcome.as_str()),
        Some(d.reasons.as_str()),
        d.rule.as_deref(),
        version.as_deref(),
        Some(d.inputs.as_str()),
        Some(d.actor_id.as_str()),
        Some(d.actor_label.as_str()),
        Some(at.as_str()),
    ];
    hex::encode(Sha256::digest(canonical("qd.decision.1", &fields)))
}

fn decision_mark(after: &str) -> Option<(String, String)> {
    let v: HashMap<String, serde_json::Value> = serde_json::from_str(after).ok()?;
    Some((v.get("decision")?.as_str()?.to_string(), v.get("sha256")?.as_str()?.to_string()))
}

async fn check_decisions(db: &Db, marks: Vec<(String, String, String)>, faults: &mut Vec<Fault>) -> Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    let found = db
        .read_long(async move |tx| {
            let mut bad = Vec::new();
            for (audit_id, id, sha) in &marks {
                match store::decision(tx, id).await? {
                    None => bad.push(fault(
                        "decision_missing",
                        id,
                        format!("{audit_id} speaks of this decision, and it is gone"),
                    )),
                    Some(d) if decision_hash(&d) != *sha => {
                        bad.push(fault("decision_changed", id, format!("it is not what {audit_id} says was decided")));
                    }
                    Some(_) => {}
                }
            }
            Ok(bad)
        })
        .await?;
    faults.extend(found);
    Ok(())
}

async fn check_the_rest(db: &Db, faults: &mut Vec<Fault>) -> Result<()> {
    let (unsealed, loose, gone, undocumented) = db
        .read_long(async |tx| {
            Ok((
                store::unsealed(tx, PAGE).await?,
                store::loose(tx, PAGE).await?,
                store::waiting_without_row(tx, PAGE).await?,
                store::undocumented_decisions(tx, PAGE).await?,
            ))
        })
        .await?;
    for l in unsealed {
        if content_of(&l).as_deref() != l.content.as_deref() {
            faults.push(fault(
                "row_changed",
                l.id.unwrap_or_default(),
                "its content is not what its hash says (not sealed yet)",
            ));
        }
    }
    faults.extend(
        loose
            .into_iter()
            .map(|(id,)| fault("row_loose", id, "it is neither in the chain nor waiting for it")),
    );
    faults.extend(gone.into_iter().map(|(seq,)| {
        fault(
            "row_missing",
            format!("number {seq}"),
            "it was waiting to be sealed, and it is gone",
        )
    }));
    faults.extend(
        undocumented
            .into_iter()
            .map(|(id,)| fault("decision_undocumented", id, "no audit row speaks of it")),
    );
    Ok(())
}

fn key_name(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..8])
}

fn signed_by(key: &[u8; 32], position: i64, hash: &[u8; 32], at: i64, signature: &[u8]) -> bool {
    let text = [
        "quarterdeck audit checkpoint 1",
        &position.to_string(),
        &hex::encode(hash),
        &at.to_string(),
        "",
    ]
    .join("\n");
    match (VerifyingKey::from_bytes(key), Signature::from_slice(signature)) {
        (Ok(k), Ok(s)) => k.verify_strict(text.as_bytes(), &s).is_ok(),
        _ => false,
    }
}
