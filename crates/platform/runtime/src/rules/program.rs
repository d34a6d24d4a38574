//! One expression: parsed once, checked for what would make it slow, endless or inexact, and run
//! over facts. CEL has no unbounded loops; what is left to bound is its own size, how deep it
//! nests, how loops nest over the lists of the facts, and the size of the facts.

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::objects::{Key, Map};
use cel::{Context, Env, IdedExpr, Program, Value};
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex};

/// Characters. The longest rule anybody wrote by hand is a few hundred.
pub const MAX_EXPRESSION: usize = 2_000;
/// Nodes of the tree, after macros are expanded.
pub const MAX_NODES: usize = 1_000;
/// Levels of the tree: evaluation recurses once per level.
pub const MAX_DEPTH: usize = 48;
/// Loops inside loops (`all`, `exists`, `map`, `filter`): two levels over [`MAX_LIST`] facts are
/// at most 40,000 steps.
pub const MAX_LOOPS: usize = 2;
/// Items of one list or object in the facts.
pub const MAX_LIST: usize = 200;
/// Values in the facts altogether.
pub const MAX_FACTS: usize = 2_000;
/// Bytes of one text in the facts.
pub const MAX_TEXT: usize = 2_000;
/// The parser recurses more than the tree is deep; it gets a stack of its own.
const PARSER_STACK: usize = 32 * 1024 * 1024;
/// Compiled expressions kept; beyond it the cache starts anew.
const CACHE: usize = 4_096;

/// Why an expression is not taken or did not answer. `code` is stable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub detail: String,
}

fn fault(code: &'static str, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        detail: detail.into(),
    }
}

pub struct Compiled {
    program: Program,
    /// Free variables as dotted paths, as far as they are plain selections: `client.country`.
    pub paths: Vec<String>,
}

static STDLIB: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// By text: the same text is the same program, whoever wrote it.
static CACHED: LazyLock<Mutex<HashMap<String, Arc<Compiled>>>> = LazyLock::new(|| Mutex::new(HashMap::new()));

/// Parses and checks, or takes the program from the cache.
pub fn compile(expression: &str) -> Result<Arc<Compiled>, Fault> {
    if let Some(c) = CACHED.lock().unwrap_or_else(|p| p.into_inner()).get(expression) {
        return Ok(c.clone());
    }
    let compiled = Arc::new(compile_new(expression)?);
    let mut cache = CACHED.lock().unwrap_or_else(|p| p.into_inner());
    if cache.len() >= CACHE {
        cache.clear();
    }
    cache.insert(expression.to_string(), compiled.clone());
    Ok(compiled)
}

fn compile_new(expression: &str) -> Result<Compiled, Fault> {
    if expression.trim().is_empty() {
        return Err(fault("rule_empty", "expected an expression that answers true or false"));
    }
    if expression.chars().count() > MAX_EXPRESSION {
        return Err(fault("rule_too_long", format!("expected at most {MAX_EXPRESSION} characters")));
    }
    let text = expression.to_string();
    let parsed = std::thread::Builder::new()
        .name("rule-parser".into())
        .stack_size(PARSER_STACK)
        .spawn(move || Program::compile(&text).map_err(|e| e.to_string()))
        .map_err(|e| fault("rule_parser", format!("the parser could not start: {e}")))?
        .join();
    let program = match parsed {
        Ok(Ok(p)) => p,
        Ok(Err(e)) => {
            return Err(fault(
                "rule_syntax",
                e.lines().next().unwrap_or("the expression could not be read").to_string(),
            ));
        }
        Err(_) => return Err(fault("rule_syntax", "the expression could not be read")),
    };
    let mut walk = Walk {
        nodes: 0,
        bound: Vec::new(),
        paths: Vec::new(),
        fault: None,
    };
    walk.node(program.expression(), 1, 0);
    if let Some(f) = walk.fault {
        return Err(f);
    }
    walk.paths.sort();
    walk.paths.dedup();
    Ok(Compiled {
        program,
        paths: walk.paths,
    })
}

struct Walk {
    nodes: usize,
    bound: Vec<String>,
    paths: Vec<String>,
    fault: Option<Fault>,
}

impl Walk {
    fn node(&mut self, e: &IdedExpr, depth: usize, loops: usize) {
        if self.fault.is_some() {
            return;
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.fault = Some(fault("rule_too_big", format!("expected at most {MAX_NODES} parts")));
            return;
        }
        if depth > MAX_DEPTH {
            self.fault = Some(fault("rule_too_deep", format!("expected at most {MAX_DEPTH} levels")));
            return;
        }
        let d = depth + 1;
        match &e.expr {
            Expr::Unspecified => {}
            Expr::Literal(LiteralValue::Double(_)) => {
                self.fault = Some(fault(
                    "rule_float",
                    "numbers with a point are not exact: use whole numbers in minor units",
                ));
            }
            Expr::Literal(_) => {}
            Expr::Ident(name) => self.path(name.clone()),
            Expr::Select(s) => match dotted(e) {
                Some(path) => self.path(path),
                None => self.node(&s.operand, d, loops),
            },
            Expr::Call(c) => {
                if c.func_name == "double" {
                    self.fault = Some(fault("rule_float", "double() is not exact: use whole numbers in minor units"));
                    return;
                }
                if let Some(t) = &c.target {
                    self.node(t, d, loops);
                }
                for a in &c.args {
                    self.node(a, d, loops);
                }
            }
            Expr::List(l) => l.elements.iter().for_each(|x| self.node(x, d, loops)),
            Expr::Map(m) => m.entries.iter().for_each(|x| self.entry(&x.expr, d, loops)),
            Expr::Struct(_) => self.fault = Some(fault("rule_struct", "messages are not known here")),
            Expr::Comprehension(c) => {
                if loops + 1 > MAX_LOOPS {
                    self.fault = Some(fault("rule_loops", format!("expected at most {MAX_LOOPS} loops inside each other")));
                    return;
                }
                self.node(&c.iter_range, d, loops);
                self.node(&c.accu_init, d, loops);
                let before = self.bound.len();
                self.bound.push(c.iter_var.clone());
                self.bound.extend(c.iter_var2.clone());
                self.bound.push(c.accu_var.clone());
                self.node(&c.loop_cond, d, loops + 1);
                self.node(&c.loop_step, d, loops + 1);
                self.node(&c.result, d, loops);
                self.bound.truncate(before);
            }
        }
    }

    fn entry(&mut self, e: &EntryExpr, depth: usize, loops: usize) {
        match e {
            EntryExpr::StructField(f) => self.node(&f.value, depth, loops),
            EntryExpr::MapEntry(m) => {
                self.node(&m.key, depth, loops);
                self.node(&m.value, depth, loops);
            }
        }
    }

    fn path(&mut self, path: String) {
        let root = path.split('.').next().unwrap_or_default();
        if !root.starts_with('@') && !self.bound.iter().any(|b| b == root) {
            self.paths.push(path);
        }
    }
}

/// `a.b.c` when the node is nothing but selections on a name; `has(a.b)` is one too.
fn dotted(e: &IdedExpr) -> Option<String> {
    match &e.expr {
        Expr::Ident(n) => Some(n.clone()),
        Expr::Select(s) => Some(format!("{}.{}", dotted(&s.operand)?, s.field)),
        _ => None,
    }
}

/// The facts as CEL values. Whole numbers stay whole; a number with a point is refused, because
/// two machines may disagree about it.
pub struct Facts(BTreeMap<String, Value>);

impl Facts {
    pub fn new(facts: &serde_json::Value) -> Result<Facts, Fault> {
        let serde_json::Value::Object(o) = facts else {
            return Err(fault("facts_not_an_object", "expected an object of facts"));
        };
        let mut budget = MAX_FACTS;
        let mut out = BTreeMap::new();
        for (k, v) in o {
            out.insert(k.clone(), value(v, k, &mut budget, 0)?);
        }
        Ok(Facts(out))
    }
}

fn value(v: &serde_json::Value, at: &str, budget: &mut usize, depth: usize) -> Result<Value, Fault> {
    use serde_json::Value as J;
    *budget = budget
        .checked_sub(1)
        .ok_or_else(|| fault("facts_too_many", format!("expected at most {MAX_FACTS} values")))?;
    if depth > 8 {
        return Err(fault("facts_too_deep", format!("{at}: expected at most 8 levels")));
    }
    Ok(match v {
        J::Null => Value::Null,
        J::Bool(b) => Value::Bool(*b),
        J::Number(n) => Value::Int(
            n.as_i64()
                .ok_or_else(|| fault("facts_float", format!("{at}: expected a whole number that fits 64 bits")))?,
        ),
        J::String(s) if s.len() > MAX_TEXT => {
            return Err(fault("facts_too_long", format!("{at}: expected at most {MAX_TEXT} bytes of text")));
        }
        J::String(s) => Value::String(Arc::new(s.clone())),
        J::Array(a) if a.len() > MAX_LIST => return Err(fault("facts_too_many", format!("{at}: expected at most {MAX_LIST} items"))),
        J::Array(a) => Value::List(Arc::new(
            a.iter().map(|x| value(x, at, budget, depth + 1)).collect::<Result<_, _>>()?,
        )),
        J::Object(o) if o.len() > MAX_LIST => return Err(fault("facts_too_many", format!("{at}: expected at most {MAX_LIST} fields"))),
        J::Object(o) => {
            let mut m = HashMap::with_capacity(o.len());
            for (k, x) in o {
                m.insert(Key::String(Arc::new(k.clone())), value(x, k, budget, depth + 1)?);
            }
            Value::Map(Map { map: Arc::new(m) })
        }
    })
}

impl Compiled {
    /// True or false; anything else, a missing fact included, is a fault.
    pub fn run(&self, facts: &Facts) -> Result<bool, Fault> {
        let mut context = Context::with_env(STDLIB.clone());
        for (k, v) in &facts.0 {
            context.add_variable_from_value(k.clone(), v.clone());
        }
        match catch_unwind(AssertUnwindSafe(|| self.program.execute(&context))) {
            Ok(Ok(Value::Bool(b))) => Ok(b),
            Ok(Ok(other)) => Err(fault(
                "rule_not_boolean",
                format!("answered {} instead of true or false", other.type_of()),
            )),
            Ok(Err(e)) => Err(explain(&e)),
            Err(_) => Err(fault("rule_panicked", "the expression could not be evaluated")),
        }
    }
}

/// The error without the facts' values: they may be personal, and the inputs are stored beside.
fn explain(e: &cel::ExecutionError) -> Fault {
    use cel::ExecutionError as E;
    match e {
        E::NoSuchKey(k) => fault("rule_fact_missing", format!("there is no fact `{k}`")),
        E::UndeclaredReference(k) => fault("rule_fact_missing", format!("there is no fact or function `{k}`")),
        E::NoSuchOverload(o) => fault("rule_types", o.to_string()),
        E::ValuesNotComparable(a, b) => fault("rule_types", format!("{} and {} cannot be compared", a.type_of(), b.type_of())),
        E::UnsupportedBinaryOperator(op, a, b) => fault("rule_types", format!("{} {op} {} has no meaning", a.type_of(), b.type_of())),
        E::DivisionByZero(_) | E::RemainderByZero(_) => fault("rule_division", "division by zero"),
        E::Overflow(..) => fault("rule_overflow", "a number left its 64 bits"),
        E::IndexOutOfBounds(_) => fault("rule_index", "a list is shorter than that"),
        E::FunctionError { function, .. } => fault("rule_function", format!("{function}() refused its arguments")),
        _ => fault("rule_failed", "the expression could not be evaluated on these facts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(expression: &str, facts: serde_json::Value) -> Result<bool, Fault> {
        compile(expression)?.run(&Facts::new(&facts)?)
    }

    #[test]
    fn whole_numbers_stay_whole_and_large_amounts_compare_exactly() {
        let f = json!({"amount_minor": 9_007_199_254_740_993_i64});
        assert_eq!(run("amount_minor > 9007199254740992", f.clone()), Ok(true));
        assert_eq!(run("amount_minor == 9007199254740993", f), Ok(true));
        assert_eq!(run("a.b == 1", json!({"a": {"b": 1.5}})).unwrap_err().code, "facts_float");
    }

    #[test]
    fn a_missing_fact_is_a_fault_and_never_a_match() {
        assert_eq!(
            run("client.country == 'DE'", json!({"client": {}})).unwrap_err().code,
            "rule_fact_missing"
        );
        assert_eq!(run("client.country == 'DE'", json!({})).unwrap_err().code, "rule_fact_missing");
        assert_eq!(
            run("has(client.country) && client.country == 'DE'", json!({"client": {}})),
            Ok(false)
        );
        assert_eq!(run("1 + 1", json!({})).unwrap_err().code, "rule_not_boolean");
    }

    #[test]
    fn an_expression_that_could_run_long_or_inexactly_is_refused_before_it_runs() {
        assert_eq!(compile("").err().map(|f| f.code), Some("rule_empty"));
        assert_eq!(compile("a ==").err().map(|f| f.code), Some("rule_syntax"));
        assert_eq!(compile("amount > 1.5").err().map(|f| f.code), Some("rule_float"));
        assert_eq!(compile("double(amount) > 1").err().map(|f| f.code), Some("rule_float"));
        assert_eq!(
            compile(&"x".repeat(MAX_EXPRESSION + 1)).err().map(|f| f.code),
            Some("rule_too_long")
        );
        assert_eq!(
            compile("l.all(a, l.all(b, l.all(c, a == b && b == c)))").err().map(|f| f.code),
            Some("rule_loops")
        );
        assert!(compile(&format!("{}a{}", "(".repeat(600), ")".repeat(600))).is_err());
        // Whatever the parser says to this, the process must survive it.
        let _ = compile(&format!("{}a", "!".repeat(900)));
        let deep = (0..70).fold("a".to_string(), |e, _| format!("[{e}]"));
        assert!(compile(&format!("{deep} == []")).is_err());
    }

    #[test]
    fn the_paths_a_rule_reads_are_known_and_loop_variables_are_not_among_them() {
        let c = compile("client.country in ['DE', 'AT'] && client.tags.exists(t, t == vip_tag) && has(lead.campaign)")
            .unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(c.paths, ["client.country", "client.tags", "lead.campaign", "vip_tag"]);
    }
}
