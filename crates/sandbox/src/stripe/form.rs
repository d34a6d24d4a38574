//! Form-urlencoded bodies and query strings with bracket nesting (`a[b][0][c]=x`), read into a
//! JSON tree whose leaves are strings: what Stripe's libraries send for v1.

use serde_json::{Map, Value};

/// How deep brackets may nest; Stripe's own objects stay well below.
const MAX_DEPTH: usize = 8;
/// The largest explicit array index taken; libraries number from 0 without holes.
const MAX_INDEX: usize = 500;

/// Percent-decoding with `+` as a space. Bytes that are no UTF-8 become replacement characters.
pub fn percent_decode(s: &str) -> String {
    let b = s.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'+' => out.push(b' '),
            b'%' if i + 2 < b.len() && hex(b[i + 1]).is_some() && hex(b[i + 2]).is_some() => {
                out.push(hex(b[i + 1]).unwrap_or(0) << 4 | hex(b[i + 2]).unwrap_or(0));
                i += 2;
            }
            c => out.push(c),
        }
        i += 1;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn hex(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Flat pairs in order.
pub fn pairs(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            (percent_decode(k), percent_decode(v))
        })
        .collect()
}

/// The nested tree. `Err` carries the key that cannot be placed (unbalanced brackets, a value
/// where an object stands already).
pub fn tree(raw: &str) -> Result<Map<String, Value>, String> {
    let mut root = Value::Object(Map::new());
    for (key, value) in pairs(raw) {
        let path = path_of(&key).ok_or_else(|| key.clone())?;
        place(&mut root, &path, value).ok_or(key)?;
    }
    arrays(&mut root);
    match root {
        Value::Object(m) => Ok(m),
        _ => Ok(Map::new()),
    }
}

fn path_of(key: &str) -> Option<Vec<String>> {
    let Some(open) = key.find('[') else {
        return Some(vec![key.to_string()]);
    };
    if open == 0 {
        return None;
    }
    let mut path = vec![key[..open].to_string()];
    let mut rest = &key[open..];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[')?;
        let close = inner.find(']')?;
        path.push(inner[..close].to_string());
        rest = &inner[close + 1..];
    }
    (path.len() <= MAX_DEPTH).then_some(path)
}

/// Arrays are built as objects under a marker key first, as `a[1]` may come before `a[0]`.
fn place(at: &mut Value, path: &[String], value: String) -> Option<()> {
    let map = at.as_object_mut()?;
    let (head, rest) = path.split_first()?;
    let key = if head.is_empty() { format!("{}", map.len()) } else { head.clone() };
    if rest.is_empty() {
        if map.get(&key).is_some_and(Value::is_object) {
            return None;
        }
        map.insert(key, Value::String(value));
        return Some(());
    }
    // An empty string already standing there (`metadata=`) gives way to what is inside it.
    let child = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if child.as_str() == Some("") {
        *child = Value::Object(Map::new());
    }
    place(child, rest, value)
}

/// Objects whose keys are exactly 0..n become arrays, except free-form metadata.
fn arrays(v: &mut Value) {
    let Value::Object(m) = v else { return };
    for (k, child) in m.iter_mut() {
        if k != "metadata" {
            arrays(child);
        }
    }
    let n = m.len();
    if n > 0 && n <= MAX_INDEX && (0..n).all(|i| m.contains_key(&i.to_string())) {
        let items = (0..n).filter_map(|i| m.remove(&i.to_string())).collect();
        *v = Value::Array(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_become_objects_and_arrays_while_metadata_stays_free_form() {
        let t = tree("amount=100&line_items[0][price_data][product_data][name]=Deposit+%E2%82%AC&line_items[0][quantity]=1&expand[]=a&expand[]=b&metadata[0]=x&types[1]=q&types[0]=p").unwrap();
        assert_eq!(
            Value::Object(t),
            json!({"amount":"100","line_items":[{"price_data":{"product_data":{"name":"Deposit €"}},"quantity":"1"}],"expand":["a","b"],"metadata":{"0":"x"},"types":["p","q"]})
        );
        assert!(tree("a[b=1").is_err());
        assert!(tree("a[b]=1&a=2").is_err());
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
