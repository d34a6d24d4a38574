//! The rights matrix: role -> right -> scope and role -> open field groups. The checked-in one is
//! the default; the one in force is data, changed under the same guard.

use super::{Grants, Mask, Right, Role, Scope};
use qd_kernel::{Class, Problem, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const BUILTIN: &str = include_str!("rights.toml");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    roles: BTreeMap<Role, Grants>,
}

/// What may never be given, and which roles one person may not join.
#[derive(Debug, Default)]
struct Guard {
    rights: BTreeMap<Role, BTreeSet<Right>>,
    masks: BTreeMap<Role, BTreeSet<Mask>>,
    apart: BTreeSet<(Role, Role)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    rights: BTreeMap<Right, BTreeMap<Role, Scope>>,
    sees: BTreeMap<Role, BTreeSet<Mask>>,
    never: BTreeMap<Role, BTreeSet<Right>>,
    never_sees: BTreeMap<Role, BTreeSet<Mask>>,
    apart: BTreeMap<Role, BTreeSet<Role>>,
}

fn parsed() -> &'static (Matrix, Guard) {
    static PARSED: OnceLock<(Matrix, Guard)> = OnceLock::new();
    PARSED.get_or_init(|| {
        let text: Text = toml::from_str(BUILTIN).expect("rights.toml is checked in and read by a test");
        let mut m = Matrix::default();
        for (right, by_role) in text.rights {
            for (role, scope) in by_role {
                m.roles.entry(role).or_default().rights.insert(right, scope);
            }
        }
        for (role, sees) in text.sees {
            m.roles.entry(role).or_default().sees = sees;
        }
        let mut g = Guard {
            rights: text.never,
            masks: text.never_sees,
            apart: BTreeSet::new(),
        };
        for (a, others) in text.apart {
            for b in others {
                g.apart.insert((a.min(b), a.max(b)));
            }
        }
        (m, g)
    })
}

impl Matrix {
    /// The checked-in one.
    pub fn builtin() -> &'static Matrix {
        &parsed().0
    }
    pub fn role(&self, role: Role) -> Option<&Grants> {
        self.roles.get(&role)
    }
    pub fn set(&mut self, role: Role, grants: Grants) {
        self.roles.insert(role, grants);
    }
    /// The sum of several roles: the larger scope, the union of what is open, less what one of the
    /// roles may never have: a seller who also helps in support still sees no money.
    pub fn grants(&self, roles: &[Role]) -> Grants {
        let mut sum = Grants::default();
        for g in roles.iter().filter_map(|r| self.roles.get(r)) {
            for (right, scope) in &g.rights {
                let s = sum.rights.entry(*right).or_insert(*scope);
                *s = (*s).max(*scope);
            }
            sum.sees.extend(&g.sees);
        }
        let guard = &parsed().1;
        for r in roles {
            sum.rights
                .retain(|right, _| !guard.rights.get(r).is_some_and(|n| n.contains(right)));
            sum.sees.retain(|mask| !guard.masks.get(r).is_some_and(|n| n.contains(mask)));
        }
        sum
    }

    /// The matrix as a document for people.
    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "# Rights matrix\n\nMade from `crates/platform/runtime/src/access/rights.toml`; a test keeps both equal. \
             A cell says how far the right reaches; an empty cell means no. A role's fields that are not listed under \
             \"Sees\" are covered in views, search and exports.\n\n| Right |",
        );
        for r in Role::ALL {
            out.push_str(&format!(" {r} |"));
        }
        out.push_str("\n| --- |");
        out.push_str(&" --- |".repeat(Role::ALL.len()));
        out.push('\n');
        for right in Right::ALL {
            out.push_str(&format!("| {right} |"));
            for r in Role::ALL {
                let cell = self.roles.get(r).and_then(|g| g.rights.get(right)).map_or("", |s| s.as_str());
                out.push_str(&format!(" {cell} |"));
            }
            out.push('\n');
        }
        out.push_str("\n## Sees\n\n| Fields |");
        for r in Role::ALL {
            out.push_str(&format!(" {r} |"));
        }
        out.push_str("\n| --- |");
        out.push_str(&" --- |".repeat(Role::ALL.len()));
        out.push('\n');
        for mask in Mask::ALL {
            out.push_str(&format!("| {mask} |"));
            for r in Role::ALL {
                let cell = if self.roles.get(r).is_some_and(|g| g.sees.contains(mask)) {
                    "yes"
                } else {
                    ""
                };
                out.push_str(&format!(" {cell} |"));
            }
            out.push('\n');
        }
        out
    }
}

/// Whether a role may be given this. An auditor only looks; a client has only their own; the pairs
/// of `[never]` hold whoever edits.
pub(super) fn check_role(role: Role, grants: &Grants) -> Result<()> {
    let guard = &parsed().1;
    let mut p = Problem::new(
        Class::Invalid,
        "right_not_for_role",
        format!("the role {role} can never have some of these"),
    );
    for right in grants.rights.keys() {
        let barred = guard.rights.get(&role).is_some_and(|n| n.contains(right));
        let shape = match role {
            Role::Auditor => !right.reads_only() && !right.is_own(),
            Role::Client => !right.is_own() && *right != Right::Public,
            Role::Public => !matches!(right, Right::Public | Right::LeadsCreate),
            _ => false,
        };
        if barred || shape {
            p = p.and_field(&format!("/rights/{right}"), "right_not_for_role", format!("not for {role}"));
        }
    }
    for mask in &grants.sees {
        if guard.masks.get(&role).is_some_and(|n| n.contains(mask)) {
            p = p.and_field("/sees", "mask_not_for_role", format!("{mask} stays covered for {role}"));
        }
    }
    if p.fields.is_empty() { Ok(()) } else { Err(p) }
}

/// Whether one person may wear these hats together.
pub(super) fn check_together(roles: &[Role]) -> Result<()> {
    if roles.is_empty() {
        return Err(Problem::invalid("roles", "roles_missing", "at least one role"));
    }
    if let Some(r) = roles.iter().find(|r| !r.is_staff()) {
        return Err(Problem::invalid(
            "roles",
            "role_not_for_staff",
            format!("{r} is not a role of the house"),
        ));
    }
    for (i, a) in roles.iter().enumerate() {
        for b in &roles[i + 1..] {
            if a == b {
                return Err(Problem::invalid("roles", "role_twice", "each role once"));
            }
            let alone = [*a, *b].iter().any(|r| matches!(r, Role::Auditor | Role::SuperAdmin));
            if alone || parsed().1.apart.contains(&(*a.min(b), *a.max(b))) {
                return Err(Problem::invalid("roles", "roles_apart", format!("{a} and {b} must be two people")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(role: Role, right: Right) -> bool {
        Matrix::builtin().role(role).is_some_and(|g| g.rights.contains_key(&right))
    }

    #[test]
    fn the_defaults_obey_the_guard_and_every_right_has_an_owner() {
        for role in Role::ALL {
            check_role(*role, Matrix::builtin().role(*role).unwrap()).unwrap_or_else(|p| panic!("{role}: {p}"));
        }
        for right in Right::ALL {
            assert!(Role::ALL.iter().any(|r| has(*r, *right)), "{right} is nobody's");
            assert!(right.is_own() || has(Role::SuperAdmin, *right), "{right}");
        }
    }

    #[test]
    fn sales_neither_approves_nor_sees_money_and_finance_leaves_kyc_alone() {
        for role in [Role::Sales, Role::SalesManager] {
            for right in [
                Right::WithdrawalsApprove,
                Right::WithdrawalsOverride,
                Right::WithdrawalsReview,
                Right::LedgerView,
                Right::AmlView,
            ] {
                assert!(!has(role, right), "{role} {right}");
            }
            let sees = &Matrix::builtin().role(role).unwrap().sees;
            for mask in [Mask::Money, Mask::Bank, Mask::Aml] {
                assert!(!sees.contains(&mask), "{role} {mask}");
            }
        }
        for right in [Right::KycReview, Right::KycConfigure, Right::AmlWrite, Right::ClientsEdit] {
            assert!(!has(Role::Finance, right), "{right}");
        }
        assert!(has(Role::Support, Right::TicketsView));
        assert!(!has(Role::Support, Right::AmlView) && !Matrix::builtin().role(Role::Support).unwrap().sees.contains(&Mask::Aml));
    }

    #[test]
    fn the_auditor_reads_everything_and_changes_nothing() {
        for right in Right::ALL.iter().filter(|r| !r.is_own()) {
            assert_eq!(has(Role::Auditor, *right), right.reads_only(), "{right}");
        }
        assert_eq!(Matrix::builtin().role(Role::Auditor).unwrap().sees.len(), Mask::ALL.len());
    }

    #[test]
    fn two_roles_add_up_to_the_larger_scope_less_what_one_may_never_have_and_some_never_meet() {
        let both = Matrix::builtin().grants(&[Role::Sales, Role::Support]);
        assert_eq!(both.rights.get(&Right::ClientsView), Some(&Scope::Entity));
        assert!(!both.sees.contains(&Mask::Money), "a seller sees no money in any second hat");
        assert!(check_together(&[Role::Sales, Role::Support]).is_ok());
        assert!(check_together(&[Role::Finance, Role::Sales]).unwrap_err().is("roles_apart"));
        assert!(check_together(&[Role::Auditor, Role::Ops]).unwrap_err().is("roles_apart"));
        assert!(check_together(&[Role::Client]).unwrap_err().is("role_not_for_staff"));
        assert!(check_together(&[]).is_err());
    }

    #[test]
    fn an_edit_that_breaks_the_separation_of_duties_names_each_right() {
        let mut g = Matrix::builtin().role(Role::Sales).unwrap().clone();
        g.rights.insert(Right::WithdrawalsApprove, Scope::Own);
        g.sees.insert(Mask::Bank);
        let p = check_role(Role::Sales, &g).unwrap_err();
        let at: Vec<&str> = p.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(at, ["/rights/withdrawals.approve", "/sees"]);
    }
}
