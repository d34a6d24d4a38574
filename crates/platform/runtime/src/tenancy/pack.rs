//! Starting data in TOML files: entities, brands, desks, rule sets, rules and settings. Applying
//! a pack adds what is not there and leaves what is there alone, so that a second start changes
//! nothing and an edit made since is kept.

use super::{Brand, Desk, Entity};
use crate::access::Caller;
use crate::{Core, rules, settings};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    #[serde(default)]
    pub entity: Vec<Entity>,
    #[serde(default)]
    pub brand: Vec<Brand>,
    #[serde(default)]
    pub desk: Vec<Desk>,
    #[serde(default)]
    pub rule_set: Vec<rules::RuleSet>,
    #[serde(default)]
    pub rule: Vec<rules::Draft>,
    #[serde(default)]
    pub setting: Vec<PackSetting>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackSetting {
    pub scope: String,
    pub key: String,
    pub value: Value,
}

impl Pack {
    /// Reads files given as (name, text); a mistake names the file and the line.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Pack> {
        let mut all = Pack::default();
        for (name, text) in files {
            let p: Pack = toml::from_str(text).map_err(|e| Problem::bug("pack_unreadable", format!("{name}: {e}")))?;
            all.entity.extend(p.entity);
            all.brand.extend(p.brand);
            all.desk.extend(p.desk);
            all.rule_set.extend(p.rule_set);
            all.rule.extend(p.rule);
            all.setting.extend(p.setting);
        }
        Ok(all)
    }

    /// Adds what is missing; answers how many things were added.
    pub async fn apply(&self, tx: &mut Tx, core: &Core, caller: &Caller) -> Result<u32> {
        const REASON: &str = "starting data";
        let mut added = 0;
        for e in &self.entity {
            if super::find(tx, &e.code).await?.is_none() {
                super::put_entity(tx, core, caller, e.clone(), REASON).await?;
                added += 1;
            }
        }
        let brands = super::brands(tx).await?;
        for b in self.brand.iter().filter(|b| !brands.iter().any(|x| x.code == b.code)) {
            super::put_brand(tx, core, caller, b.clone(), REASON).await?;
            added += 1;
        }
        let desks = super::desks(tx).await?;
        for d in self.desk.iter().filter(|d| !desks.iter().any(|x| x.code == d.code)) {
            super::put_desk(tx, core, caller, d.clone(), REASON).await?;
            added += 1;
        }
        let sets = rules::sets(tx).await?;
        for s in self.rule_set.iter().filter(|s| !sets.iter().any(|x| x.name == s.name)) {
            rules::put_set(tx, core, caller, s.clone(), REASON).await?;
            added += 1;
        }
        let have = rules::list(tx, None).await?;
        for r in self
            .rule
            .iter()
            .filter(|r| !have.iter().any(|x| x.set == r.set && x.entity == r.entity && x.name == r.name))
        {
            let named = |p: Problem| Problem {
                detail: format!("rule {}/{}: {}", r.set, r.name, p.detail),
                ..p
            };
            rules::save(tx, core, caller, r.clone()).await.map_err(named)?;
            added += 1;
        }
        for s in &self.setting {
            if settings::find(tx, &s.scope, &s.key).await?.is_none() {
                settings::put(tx, core, caller, &s.scope, &s.key, 0, &s.value, REASON).await?;
                added += 1;
            }
        }
        Ok(added)
    }
}
