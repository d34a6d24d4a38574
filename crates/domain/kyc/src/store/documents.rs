use super::{Json, json};
use crate::{Day, DocumentFields, DocumentId, DocumentNumber, DocumentState, FieldsSource, KycId, Mismatch, Side, Waiver};
use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use qd_runtime::files::{FileId, FileRef, Mime};

row! {
    /// One upload.
    #[derive(Clone, Debug)]
    pub(crate) struct Document {
        pub(crate) id: DocumentId,
        pub(crate) case_id: KycId,
        pub(crate) client_id: String,
        pub(crate) requirement: String,
        pub(crate) kind: String,
        pub(crate) side: Side,
        pub(crate) state: DocumentState,
        pub(crate) file_id: FileId,
        pub(crate) sha256: String,
        pub(crate) mime: Mime,
        pub(crate) size: i64,
        pub(crate) key_id: String,
        pub(crate) uploaded_by: String,
        pub(crate) uploaded_at: Ts,
        pub(crate) fields: Json<DocumentFields>,
        pub(crate) fields_source: Option<FieldsSource>,
        pub(crate) fields_by: Option<String>,
        pub(crate) fields_at: Option<Ts>,
        pub(crate) expires_on: Option<Day>,
        pub(crate) mismatches: Json<Vec<Mismatch>>,
        pub(crate) waivers: Json<Vec<Waiver>>,
        pub(crate) reason_code: Option<String>,
        pub(crate) reason_note: Option<String>,
        pub(crate) decided_by: Option<String>,
        pub(crate) decided_label: Option<String>,
        pub(crate) decided_at: Option<Ts>,
        pub(crate) superseded_by: Option<DocumentId>,
    }
}

impl Document {
    pub(crate) fn file(&self) -> FileRef {
        FileRef {
            id: self.file_id,
            sha256: self.sha256.clone(),
            mime: self.mime,
            size: self.size,
            key_id: self.key_id.clone(),
        }
    }
    pub(crate) fn number(&self) -> Option<&DocumentNumber> {
        self.fields.0.number.as_ref()
    }
}

const OF_CASE: Sql = sql!(
    "SELECT id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at, fields,
        fields_source, fields_by, fields_at, expires_on, mismatches, waivers, reason_code, reason_note, decided_by, decided_label, decided_at, superseded_by
     FROM kyc_documents WHERE case_id = $1 ORDER BY uploaded_at, id"
);
const FIND: Sql = sql!(
    "SELECT id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at, fields,
        fields_source, fields_by, fields_at, expires_on, mismatches, waivers, reason_code, reason_note, decided_by, decided_label, decided_at, superseded_by
     FROM kyc_documents WHERE id = $1"
);
const INSERT: Sql = sql!(
    "INSERT INTO kyc_documents (id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at,
        fields, fields_source, fields_by, fields_at, expires_on, number_hash, mismatches, waivers)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, '[]') ON CONFLICT DO NOTHING"
);
const SAVE: Sql = sql!(
    "UPDATE kyc_documents SET state = $2, fields = $3, fields_source = $4, fields_by = $5, fields_at = $6, expires_on = $7, number_hash = $8,
        mismatches = $9, waivers = $10, reason_code = $11, reason_note = $12, decided_by = $13, decided_label = $14, decided_at = $15, superseded_by = $16
     WHERE id = $1"
);

const KEEP: Sql = sql!(
    "INSERT INTO kyc_document_past (until_at, id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at, fields,
        fields_source, fields_by, fields_at, expires_on, mismatches, waivers, reason_code, reason_note, decided_by, decided_label, decided_at, superseded_by)
     SELECT CAST($2 AS BIGINT), id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at, fields,
        fields_source, fields_by, fields_at, expires_on, mismatches, waivers, reason_code, reason_note, decided_by, decided_label, decided_at, superseded_by
     FROM kyc_documents WHERE id = $1"
);
const PAST: Sql = sql!(
    "SELECT id, case_id, client_id, requirement, kind, side, state, file_id, sha256, mime, size_bytes, key_id, uploaded_by, uploaded_at, fields,
        fields_source, fields_by, fields_at, expires_on, mismatches, waivers, reason_code, reason_note, decided_by, decided_label, decided_at, superseded_by
     FROM kyc_document_past WHERE id = $1 AND until_at > $2 ORDER BY seq LIMIT 1"
);

/// Every upload up to a moment, as it was then.
pub(crate) async fn of_case_at(tx: &mut Tx, case: KycId, at: Ts) -> Result<Vec<Document>> {
    let mut out = Vec::new();
    for now in of_case(tx, case).await?.into_iter().filter(|d| d.uploaded_at <= at) {
        out.push(tx.one::<Document>(PAST, &vals![now.id, at]).await?.unwrap_or(now));
    }
    Ok(out)
}

pub(crate) async fn of_case(tx: &mut Tx, case: KycId) -> Result<Vec<Document>> {
    tx.rows(OF_CASE, &vals![case]).await
}

pub(crate) async fn find(tx: &mut Tx, id: DocumentId) -> Result<Option<Document>> {
    tx.one(FIND, &vals![id]).await
}

pub(crate) async fn insert(tx: &mut Tx, d: &Document) -> Result<()> {
    tx.exec_one(
        INSERT,
        &vals![
            d.id,
            d.case_id,
            &d.client_id,
            &d.requirement,
            &d.kind,
            d.side,
            d.state,
            d.file_id,
            &d.sha256,
            d.mime,
            d.size,
            &d.key_id,
            &d.uploaded_by,
            d.uploaded_at,
            json(&d.fields.0)?,
            d.fields_source,
            d.fields_by.clone(),
            d.fields_at,
            d.expires_on.as_ref(),
            d.number().map(DocumentNumber::bytes),
            json(&d.mismatches.0)?
        ],
        || Problem::conflict("kyc_file_used", "this file belongs to a document already"),
    )
    .await
}

/// Under the lock of its case.
pub(crate) async fn save(tx: &mut Tx, d: &Document, now: Ts) -> Result<()> {
    tx.exec(KEEP, &vals![d.id, now]).await?;
    tx.exec_one(
        SAVE,
        &vals![
            d.id,
            d.state,
            json(&d.fields.0)?,
            d.fields_source,
            d.fields_by.clone(),
            d.fields_at,
            d.expires_on.as_ref(),
            d.number().map(DocumentNumber::bytes),
            json(&d.mismatches.0)?,
            json(&d.waivers.0)?,
            d.reason_code.clone(),
            d.reason_note.clone(),
            d.decided_by.clone(),
            d.decided_label.clone(),
            d.decided_at,
            d.superseded_by
        ],
        || Problem::bug("kyc_document_lost", "a document is not there"),
    )
    .await
}

pub(crate) async fn clients_with_number(tx: &mut Tx, hash: &[u8]) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx
        .rows(
            sql!("SELECT DISTINCT client_id FROM kyc_documents WHERE number_hash = $1 ORDER BY client_id LIMIT 50"),
            &vals![hash],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}
