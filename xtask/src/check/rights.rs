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
                    format!("give {name} an x-right (public ones say so in the matrix too)"),
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

/// The rights a matrix names: the keys of its tables (`[rights."withdrawal.approve"]`,
/// `"withdrawal.approve" = [...]`), and rows of lists that carry a `right`, `name` or `id`.
fn names(table: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in table {
        collect(key, value, &mut found);
    }
    found
}

fn collect(key: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            found.insert(key.to_string());
            for (inner, value) in table {
                // A bare dotted key (`withdrawal.approve = …`) arrives as nested tables.
                collect(inner, value, found);
                collect(&format!("{key}.{inner}"), value, found);
            }
        }
        toml::Value::Array(rows) if rows.iter().any(toml::Value::is_table) => {
            for row in rows.iter().filter_map(|r| r.as_table()) {
                found.extend(
                    ["right", "name", "id"]
                        .iter()
                        .filter_map(|k| row.get(*k))
                        .filter_map(|v| v.as_str())
                        .map(str::to_string),
                );
            }
        }
        _ => {
            found.insert(key.to_string());
        }
    }
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
    fn a_right_that_the_matrix_has_is_right_in_each_of_its_forms() {
        for matrix in [
            "[[right]]\nname = \"withdrawal.request\"",
            "[rights.\"withdrawal.request\"]\nroles = [\"client\"]",
            "[rights]\n\"withdrawal.request\" = [\"client\"]",
            "[withdrawal]\nrequest = [\"client\"]",
        ] {
            assert!(found(Some(ONE), Some(matrix)).findings.is_empty(), "{matrix}");
        }
    }

    #[test]
    fn an_operation_without_a_right_and_a_right_without_a_row_are_found() {
        let other = "[[right]]\nname = \"withdrawal.approve\"";
        assert_eq!(found(Some(ONE), Some(other)).findings.len(), 1);
        assert_eq!(found(Some(ONE), Some("")).findings.len(), 1);
        assert_eq!(found(Some(ONE), None).findings.len(), 1);
        assert_eq!(found(Some(r#"{"paths": {"/a": {"get": {}}}}"#), Some(other)).findings.len(), 1);
        assert_eq!(found(Some(r#"{"paths": {}}"#), Some(other)).findings.len(), 1);
        assert_eq!(found(Some("not json"), Some(other)).findings.len(), 1);
    }

    #[test]
    fn without_an_api_file_there_is_a_remark_and_no_finding() {
        let outcome = found(None, None);
        assert!(outcome.findings.is_empty());
        assert_eq!(outcome.remarks.len(), 1);
    }
}
