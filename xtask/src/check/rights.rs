//! Every operation of the OpenAPI file says which right it needs (`x-right`), and the right is a
//! row of the checked-in matrix. An operation without one would be open to everybody who finds it.

use super::{Finding, Outcome, Repo};
use std::collections::BTreeSet;

pub const NAME: &str = "rights";

const API: &str = "docs/api/openapi.json";
const MATRIX: &str = "crates/platform/runtime/src/access/rights.toml";
const METHODS: &[&str] = &["get", "put", "post", "delete", "patch", "head", "options", "trace"];

pub fn run(repo: &Repo) -> Outcome {
    let Some(api) = repo.text(API) else {
        return Outcome {
            findings: Vec::new(),
            remarks: vec![format!("{API} is not there yet: nothing to compare")],
        };
    };
    let mut findings = Vec::new();
    let api: serde_json::Value = match serde_json::from_str(api) {
        Ok(value) => value,
        Err(e) => return vec![Finding::new(NAME, API, e.line(), format!("make it readable JSON: {e}"))].into(),
    };
    let rights = match repo.text(MATRIX).map(toml::from_str::<toml::Table>) {
        Some(Ok(table)) => names(&table),
        Some(Err(e)) => return vec![Finding::new(NAME, MATRIX, 0, format!("make it readable TOML: {}", e.message()))].into(),
        None => return vec![Finding::new(NAME, MATRIX, 0, format!("add the rights matrix: {API} names rights"))].into(),
    };
    let mut operations = 0;
    for (path, item) in api.get("paths").and_then(|p| p.as_object()).into_iter().flatten() {
        for (method, operation) in item
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(m, _)| METHODS.contains(&m.as_str()))
        {
            operations += 1;
            let name = format!("{} {path}", method.to_uppercase());
            match operation.get("x-right").and_then(|r| r.as_str()) {
                None | Some("") => findings.push(Finding::new(
                    NAME,
                    API,
                    0,
                    format!("give {name} an x-right (for everybody: public)"),
                )),
                Some(right) if !rights.contains(right) => {
                    findings.push(Finding::new(
                        NAME,
                        MATRIX,
                        0,
                        format!("add a row for the right {right}, which {name} needs"),
                    ));
                }
                Some(_) => {}
            }
        }
    }
    if operations == 0 {
        findings.push(Finding::new(NAME, API, 0, "write the API's operations into it: it has none"));
    }
    findings.into()
}

/// The keys of the table `[rights]` that at least one role has.
fn names(matrix: &toml::Table) -> BTreeSet<String> {
    let rows = matrix.get("rights").and_then(|r| r.as_table()).into_iter().flatten();
    rows.filter(|(_, roles)| roles.as_table().is_some_and(|r| !r.is_empty()))
        .map(|(right, _)| right.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(api: Option<&str>, matrix: Option<&str>) -> Outcome {
        let mut files = Vec::new();
        files.extend(api.map(|a| (API, a)));
        files.extend(matrix.map(|m| (MATRIX, m)));
        run(&Repo::of(&files))
    }

    const ONE: &str = r#"{"paths": {"/api/v1/withdrawals": {"parameters": [], "post": {"x-right": "withdrawal.request"}}}}"#;

    #[test]
    fn a_right_that_the_matrix_gives_to_a_role_is_right() {
        let matrix = "[rights]\n\"withdrawal.request\" = { client = \"own\" }";
        assert!(found(Some(ONE), Some(matrix)).findings.is_empty());
    }

    #[test]
    fn an_operation_without_a_right_and_a_right_without_a_row_are_found() {
        let other = "[rights]\n\"withdrawal.approve\" = { finance = \"entity\" }";
        for matrix in [
            other,
            "",
            "[rights]\n\"withdrawal.request\" = {}",
            "[masks]\n\"withdrawal.request\" = [\"client\"]",
        ] {
            assert_eq!(found(Some(ONE), Some(matrix)).findings.len(), 1, "{matrix}");
        }
        for api in [
            r#"{"paths": {"/a": {"get": {}}}}"#,
            r#"{"paths": {"/a": {"get": {"x-right": ""}}}}"#,
            r#"{"paths": {}}"#,
            "not json",
        ] {
            assert_eq!(found(Some(api), Some(other)).findings.len(), 1, "{api}");
        }
        assert_eq!(found(Some(ONE), None).findings.len(), 1);
        assert_eq!(found(Some(ONE), Some("not = toml =")).findings.len(), 1);
    }

    #[test]
    fn without_an_api_file_there_is_a_remark_and_no_finding() {
        let outcome = found(None, None);
        assert!(outcome.findings.is_empty());
        assert_eq!(outcome.remarks.len(), 1);
    }
}
