//! The demo brokerage's starting data: configuration, keys, entities with their rules, and one
//! person per role. Applying it twice adds nothing.

use crate::App;
use crate::config::SecretRef;
use qd_kernel::{Entropy, Problem, Result, Secret};
use qd_runtime::access::staff::{self, NewStaff};
use qd_runtime::access::{Caller, Role};
use qd_runtime::tenancy::pack::Pack;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// The demo's configuration, written into its data folder at each start.
pub const CONFIG_FILE: &str = "quarterdeck.toml";

/// The brand at the machine's own address; the other one has a host of its own.
pub const BRAND: &str = "northwind";

/// The other brand's host: browsers reach this machine by every name below `localhost`.
pub const OTHER_HOST: &str = "harbour.localhost";

/// Everybody's password in the demo. Second factors are off there, and nowhere else.
pub const PASSWORD: &str = "harbour-lights-2026";

const PACK: [(&str, &str); 7] = [
    ("entity-eu.toml", include_str!("../demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../demo/brands-desks.toml")),
    ("rules-lead.toml", include_str!("../demo/rules-lead.toml")),
    ("rules-kyc.toml", include_str!("../demo/rules-kyc.toml")),
    ("rules-money.toml", include_str!("../demo/rules-money.toml")),
    ("settings.toml", include_str!("../demo/settings.toml")),
];

/// Somebody who works in the demo.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub email: &'static str,
    pub name: &'static str,
    pub language: &'static str,
    pub role: Role,
    pub desk: Option<&'static str>,
    pub entities: &'static [&'static str],
    /// The one to sign in as when somebody wants to see this role.
    pub shown: bool,
}

const fn person(email: &'static str, name: &'static str, role: Role) -> Person {
    Person {
        email,
        name,
        language: "en",
        role,
        desk: None,
        entities: &["eu", "intl"],
        shown: true,
    }
}

const fn agent(
    email: &'static str,
    name: &'static str,
    language: &'static str,
    desk: &'static str,
    entities: &'static [&'static str],
    shown: bool,
) -> Person {
    Person {
        email,
        name,
        language,
        role: Role::Sales,
        desk: Some(desk),
        entities,
        shown,
    }
}

pub const PEOPLE: [Person; 17] = [
    agent("lena.vogt@quarterdeck.example", "Lena Vogt", "de", "german", &["eu"], true),
    agent("jonas.brandt@quarterdeck.example", "Jonas Brandt", "de", "german", &["eu"], false),
    agent(
        "oliver.hayes@quarterdeck.example",
        "Oliver Hayes",
        "en",
        "english",
        &["eu", "intl"],
        false,
    ),
    agent(
        "maya.lindqvist@quarterdeck.example",
        "Maya Lindqvist",
        "en",
        "english",
        &["eu", "intl"],
        false,
    ),
    agent("omar.haddad@quarterdeck.example", "Omar Haddad", "ar", "arabic", &["intl"], false),
    agent("salma.nasser@quarterdeck.example", "Salma Nasser", "ar", "arabic", &["intl"], false),
    agent(
        "pia.keller@quarterdeck.example",
        "Pia Keller",
        "de",
        "partner",
        &["eu", "intl"],
        false,
    ),
    Person {
        desk: Some("german"),
        entities: &["eu"],
        ..person("martin.adler@quarterdeck.example", "Martin Adler", Role::SalesManager)
    },
    person("clara.stein@quarterdeck.example", "Clara Stein", Role::Compliance),
    Person {
        shown: false,
        ..person("victor.mensah@quarterdeck.example", "Victor Mensah", Role::Compliance)
    },
    person("farid.aziz@quarterdeck.example", "Farid Aziz", Role::Finance),
    Person {
        shown: false,
        ..person("greta.holm@quarterdeck.example", "Greta Holm", Role::Finance)
    },
    person("sofia.marques@quarterdeck.example", "Sofia Marques", Role::Support),
    person("tom.becker@quarterdeck.example", "Tom Becker", Role::Ops),
    person("paula.ortiz@quarterdeck.example", "Paula Ortiz", Role::PartnerManager),
    person("aron.weiss@quarterdeck.example", "Aron Weiss", Role::Auditor),
    Person {
        entities: &["*"],
        ..person("admin@quarterdeck.example", "Ada Minton", Role::SuperAdmin)
    },
];

/// Entities, brands, desks, rules and settings as files of the program.
pub fn pack() -> Result<Pack> {
    Pack::parse(PACK)
}

/// Adds what is missing of the starting data; how many things that were.
pub async fn prepare(app: &App) -> Result<u32> {
    let (core, me) = (app.core.clone(), app.clone());
    let hash = app.access.hash_new_password(&Secret::new(PASSWORD), true, &[]).await?;
    app.core
        .db
        .write(async move |tx| {
            let who = Caller::system("seed");
            let mut added = pack()?.apply(tx, &core, &who).await?;
            for p in &PEOPLE {
                let new = NewStaff {
                    email: p.email.into(),
                    name: p.name.into(),
                    language: p.language.into(),
                    roles: vec![p.role],
                    desk: p.desk.map(Into::into),
                    entities: p.entities.iter().map(|e| (*e).to_string()).collect(),
                    password_hash: Some(hash.clone()),
                    must_change: false,
                };
                match staff::create(tx, &me.access, &who, new).await {
                    Ok(_) => added += 1,
                    Err(e) if e.is("login_taken") => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(added)
        })
        .await
}

/// Where the demo's counterparties are.
pub struct Counterparties {
    /// Server id, entity, kind, base URL, zone, group mask.
    pub servers: Vec<(String, String, &'static str, String, String, &'static str)>,
    pub manager_login: u64,
    /// Connection, entity.
    pub psps: Vec<(String, String)>,
    /// The card provider's address, up to and without `/v1`.
    pub psp_base: String,
    /// Accounts at the other payment providers.
    pub rails: Vec<RailAccount>,
    pub smtp: SocketAddr,
}

/// An account at one of [`crate::rails::PROVIDERS`].
pub struct RailAccount {
    pub provider: String,
    pub connection: String,
    pub entity: String,
    pub api_base: String,
    pub key: String,
    pub hook_secret: String,
    pub secrets: BTreeMap<String, String>,
    pub settings: BTreeMap<String, String>,
}

impl RailAccount {
    /// What [`make_keys`] is given for it.
    pub fn keys(&self) -> Vec<(String, String)> {
        let own = [("key", &self.key), ("hook", &self.hook_secret)];
        own.into_iter()
            .chain(self.secrets.iter().map(|(n, s)| (n.as_str(), s)))
            .map(|(name, secret)| (format!("{}.{name}", self.connection), secret.clone()))
            .collect()
    }

    /// Its `[[psp]]`.
    fn text(&self, dir: &Path) -> String {
        let key = |name: &str| file(dir, &format!("{}.{name}", self.connection));
        let pairs = |m: &BTreeMap<String, String>, value: &dyn Fn(&str, &str) -> String| {
            m.iter()
                .map(|(n, v)| format!("{n} = {}", value(n, v)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        format!(
            "\n[[psp]]\nid = \"{}\"\nentity = \"{}\"\nprovider = \"{}\"\napi_base = {}\nsecret_key = {}\nwebhook_secrets = [{}]\nprivate_network = true\n\
             settings = {{ {} }}\nsecrets = {{ {} }}\n",
            self.connection,
            self.entity,
            self.provider,
            text(&self.api_base),
            key("key"),
            key("hook"),
            pairs(&self.settings, &|_, v| text(v)),
            pairs(&self.secrets, &|n, _| key(n)),
        )
    }
}

/// Makes the secrets a data folder needs, once: random keys, and the counterparties' passwords in
/// files of their own.
pub fn make_keys(dir: &Path, entropy: &dyn Entropy, given: &[(String, String)]) -> Result<()> {
    let keys = dir.join("keys");
    make_private_dir(&keys)?;
    for name in ["house", "audit", "files"] {
        let path = keys.join(name);
        if !path.exists() {
            let mut bytes = [0u8; 32];
            entropy.fill(&mut bytes);
            let hex = bytes.iter().fold(String::new(), |mut s, b| {
                let _ = write!(s, "{b:02x}");
                s
            });
            write_private(&path, &hex)?;
        }
    }
    for (name, secret) in given {
        write_private(&keys.join(name), secret)?;
    }
    Ok(())
}

/// The demo's configuration as text.
pub fn config_text(dir: &Path, listen: SocketAddr, c: &Counterparties) -> String {
    let d = dir.display();
    let mut t = String::from("# Written by `quarterdeck demo` at each start: changes are lost.\n\n");
    let _ = write!(
        t,
        "[server]\nlisten = \"{listen}\"\npublic_url = \"http://{listen}\"\n\n[database]\nengine = \"sqlite\"\npath = {db}\n\n\
         [access]\nstaff_second_factor = false\nissuer = \"Quarterdeck demo\"\n\n[worker]\nnode = \"demo\"\n\n\
         [keys]\nhouse = {house}\naudit = {audit}\n\n[files]\ndir = {files}\nkeys = [{{ id = \"f1\", key = {key} }}]\n\n\
         [mail]\nhost = \"{host}\"\nport = {port}\ntls = \"none\"\n\n[outbound]\nprivate_network = true\n",
        db = text(&format!("{d}/quarterdeck.db")),
        house = file(dir, "house"),
        audit = file(dir, "audit"),
        files = text(&format!("{d}/files")),
        key = file(dir, "files"),
        host = c.smtp.ip(),
        port = c.smtp.port(),
    );
    for (id, entity, kind, url, zone, mask) in &c.servers {
        let _ = write!(
            t,
            "\n[[trading_server]]\nid = \"{id}\"\nentity = \"{entity}\"\nkind = \"{kind}\"\nplatform = \"mt5\"\nbase_url = \"{url}\"\nmanager_login = {login}\n\
             manager_password = {password}\nzone = \"{zone}\"\ngroup_mask = '{mask}'\ntrust = {{ pinned = {pem} }}\n",
            login = c.manager_login,
            password = file(dir, "mt5"),
            pem = text(&format!("{d}/sandbox/sandbox-cert.pem")),
        );
    }
    for (id, entity) in &c.psps {
        let _ = write!(
            t,
            "\n[[psp]]\nid = \"{id}\"\nentity = \"{entity}\"\nprovider = \"stripe\"\napi_base = \"{base}\"\nsecret_key = {key}\nwebhook_secrets = [{hook}]\nprivate_network = true\n",
            base = c.psp_base,
            key = file(dir, &format!("{id}.key")),
            hook = file(dir, &format!("{id}.hook")),
        );
    }
    t.extend(c.rails.iter().map(|r| r.text(dir)));
    t.push_str("\n[[bank]]\nid = \"bank-eu\"\nentity = \"eu\"\n");
    let _ = write!(
        t,
        "\n[demo]\nsandbox = true\nbrand = \"{BRAND}\"\nsandbox_data = {}\n",
        text(&format!("{d}/sandbox"))
    );
    t
}

fn text(s: &str) -> String {
    format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\""))
}

fn file(dir: &Path, key: &str) -> String {
    text(&SecretRef(format!("file:{}/keys/{key}", dir.display())).0)
}

/// A folder for this user's eyes only.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    let failed =
        |e: std::io::Error| Problem::unavailable("data_folder", format!("the folder {} cannot be made", dir.display())).with_source(e);
    std::fs::create_dir_all(dir).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Whole or not at all, and for this user's eyes only.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    use std::io::Write as _;
    let failed = |e: std::io::Error| Problem::unavailable("data_folder", format!("{} cannot be written", path.display())).with_source(e);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let draft = path.with_extension("new");
    let mut f = options.open(&draft).map_err(failed)?;
    f.write_all(content.as_bytes()).and_then(|()| f.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn the_demo_writes_a_configuration_that_its_own_reader_takes() {
        let c = Counterparties {
            servers: vec![(
                "eu-live".into(),
                "eu".into(),
                "live",
                "https://127.0.0.1:8443".into(),
                "Europe/Nicosia".into(),
                r"real\*",
            )],
            manager_login: 1000,
            psps: vec![("stripe-eu".into(), "eu".into())],
            psp_base: "http://127.0.0.1:8080/sandbox/stripe".into(),
            rails: vec![RailAccount {
                provider: "stripe".into(),
                connection: "wallet-eu".into(),
                entity: "eu".into(),
                api_base: "http://127.0.0.1:8080/sandbox/stripe/wallet-eu".into(),
                key: "key".into(),
                hook_secret: "word".into(),
                secrets: BTreeMap::from([("other".into(), "s".into())]),
                settings: BTreeMap::from([("email".into(), "a@example.com".into())]),
            }],
            smtp: SocketAddr::from(([127, 0, 0, 1], 2525)),
        };
        let text = config_text(Path::new("/tmp/a \"folder\""), SocketAddr::from(([127, 0, 0, 1], 8080)), &c);
        let read = Config::parse(&text).unwrap();
        assert!(!read.access.staff_second_factor);
        assert_eq!(read.trading_server[0].group_mask, r"real\*");
        let wallet = &read.psp[1];
        assert_eq!(
            (wallet.id.as_str(), wallet.settings["email"].as_str()),
            ("wallet-eu", "a@example.com")
        );
        assert!(wallet.secrets["other"].0.ends_with("/keys/wallet-eu.other"), "{:?}", wallet.secrets);
        let names: Vec<String> = c.rails[0].keys().into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["wallet-eu.key", "wallet-eu.hook", "wallet-eu.other"]);
    }

    #[test]
    fn there_is_one_person_to_show_for_every_role_of_staff() {
        for role in [
            Role::Sales,
            Role::SalesManager,
            Role::Compliance,
            Role::Finance,
            Role::Support,
            Role::Ops,
            Role::PartnerManager,
            Role::Auditor,
            Role::SuperAdmin,
        ] {
            assert_eq!(PEOPLE.iter().filter(|p| p.role == role && p.shown).count(), 1, "{role}");
        }
    }
}
