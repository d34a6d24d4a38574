//! `quarterdeck demo`: the whole brokerage in one process, its counterparties included.

use crate::cli::DemoArgs;
use crate::{listen, node, sandbox, seed};
use qd_app::config::Config;
use qd_app::{App, demo};
use qd_kernel::{Env, Problem, Result};
use qd_portals::Waiting;
use qd_sandbox::Sandbox;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use tokio::sync::watch;

pub async fn run(args: DemoArgs) -> Result<ExitCode> {
    let stop = listen::stop_signal();
    let dir =
        std::path::absolute(&args.data).map_err(|e| Problem::invalid("data", "data_folder", "expected a usable path").with_source(e))?;
    let (listener, at) = listen::bind(args.listen).await?;
    if let Some(w) = warning(at) {
        eprintln!("{w}");
    }
    demo::make_private_dir(&dir)?;
    demo::make_private_dir(&dir.join("sandbox"))?;
    let _only_one = lock(&dir)?;
    let env = Env::system();
    // Whoever opens the address meanwhile sees how far it is.
    let (far, how_far) = watch::channel(Waiting::default());
    let door = listen::Door::new(qd_portals::waiting(env.clone(), how_far));
    let serving = tokio::spawn(listen::serve(listener, door.clone(), stop.clone()));
    let sandbox = sandbox::start(reachable(at), Some(dir.join("sandbox")), None, args.quiet_market, false).await?;
    let config = write_config(&dir, at, &sandbox, &env)?;
    let amount = seed::Amount {
        clients: args.clients,
        days: args.days,
        seed: args.seed,
    };
    let told = seed::demo(&config, &sandbox, amount, stop.clone(), &far).await?;
    if *stop.borrow() {
        eprintln!("stopped; the next start goes on from here");
        return Ok(ExitCode::SUCCESS);
    }
    let app = App::build(config, env).await?;
    let running = app.start().await?;
    let built = node::site().built();
    print(reachable(at), &dir, &sandbox, &told, built);
    door.exchange(node::router(app, Some(&sandbox)));
    // It ends when it is told to stop.
    let _ = serving.await;
    node::end(running).await;
    sandbox.shutdown().await;
    eprintln!("stopped; the next start finds everything again");
    Ok(ExitCode::SUCCESS)
}

/// What a browser on this machine types: a listener on every address is reached on this one.
fn reachable(at: SocketAddr) -> SocketAddr {
    match at.ip() {
        ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], at.port())),
        _ => at,
    }
}

/// One process per data folder: SQLite has one writer, and the books one keeper.
fn lock(dir: &Path) -> Result<std::fs::File> {
    let path = dir.join("lock");
    let failed = |e: std::io::Error| Problem::unavailable("data_folder", format!("{} cannot be locked", path.display())).with_source(e);
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    file.try_lock().map_err(|_| {
        Problem::conflict(
            "data_in_use",
            format!(
                "another quarterdeck uses {}; stop it, or choose another folder with QD_DATA",
                dir.display()
            ),
        )
    })?;
    Ok(file)
}

/// Keys once, the configuration at each start: the ports may be others than last time.
pub fn write_config(dir: &Path, listen: SocketAddr, sandbox: &Sandbox, env: &Env) -> Result<Config> {
    let cfg = &sandbox.shared().cfg;
    let mut given = vec![(
        "mt5".to_string(),
        cfg.mt5.first().map(|s| s.manager_password.clone()).unwrap_or_default(),
    )];
    for s in &cfg.stripe {
        given.push((format!("{}.key", s.connection), s.secret_key.clone()));
        given.push((format!("{}.hook", s.connection), s.webhook_secret.clone()));
    }
    given.extend(rails(sandbox, reachable(listen)).iter().flat_map(demo::RailAccount::keys));
    demo::make_keys(dir, &*env.entropy, &given)?;
    let text = demo::config_text(dir, listen, &counterparties(sandbox, reachable(listen))?);
    let path = dir.join(demo::CONFIG_FILE);
    demo::write_private(&path, &text)?;
    Config::parse(&text)
}

/// Where the sandbox's parts are, as the configuration names them.
pub fn counterparties(sandbox: &Sandbox, at: SocketAddr) -> Result<demo::Counterparties> {
    let cfg = &sandbox.shared().cfg;
    let mut servers = Vec::new();
    for s in &cfg.mt5 {
        let address = sandbox
            .address(&format!("mt5:{}:tls", s.name))
            .ok_or_else(|| Problem::bug("sandbox_address", "a trade server has no TLS listener"))?;
        let (entity, kind, mask) = match s.name.as_str() {
            "demo" => ("eu", "demo", r"demo\*"),
            "intl-live" => ("intl", "live", r"real\*"),
            _ => ("eu", "live", r"real\*"),
        };
        servers.push((
            s.name.clone(),
            entity.to_string(),
            kind,
            format!("https://{address}"),
            s.tz.clone(),
            mask,
        ));
    }
    Ok(demo::Counterparties {
        servers,
        manager_login: cfg.mt5.first().map_or(0, |s| s.manager_login),
        psps: cfg
            .stripe
            .iter()
            .map(|s| (s.connection.clone(), s.connection.trim_start_matches("stripe-").to_string()))
            .collect(),
        psp_base: format!("http://{at}/sandbox/stripe"),
        rails: rails(sandbox, at),
        smtp: sandbox
            .address("smtp")
            .ok_or_else(|| Problem::bug("sandbox_address", "the mail catcher does not listen"))?,
    })
}

/// The sandbox's accounts at other payment providers, as the configuration names them.
fn rails(sandbox: &Sandbox, at: SocketAddr) -> Vec<demo::RailAccount> {
    let rails = sandbox.shared().cfg.rails.iter();
    rails
        .map(|r| demo::RailAccount {
            provider: r.provider.clone(),
            connection: r.connection.clone(),
            entity: r.entity.clone(),
            api_base: format!("http://{at}/sandbox/{}/{}", r.provider, r.connection),
            key: r.key.clone(),
            hook_secret: r.hook_secret.clone(),
            secrets: r.secrets.clone(),
            settings: r.settings.clone(),
        })
        .collect()
}

fn print(at: SocketAddr, dir: &Path, sandbox: &Sandbox, told: &seed::Told, built: bool) {
    let base = format!("http://{at}");
    let other = format!("http://{}:{}", demo::OTHER_HOST, at.port());
    println!("Quarterdeck demo brokerage\n");
    println!("  Trader's Room       {base}/            Northwind");
    println!("                      {other}/   Harbour, the other brand");
    println!("  Partner Portal      {base}/partner");
    println!("  Back Office         {base}/office");
    println!("  API and its page    {base}/api");
    println!("  counterparties      {base}/sandbox/mail/ (mails)  {base}/sandbox/control/faults (faults)");
    println!("  data                {}", dir.display());
    for (name, address) in sandbox.addresses() {
        println!("  {name:<19} {address}");
    }
    if !built {
        println!("\nThis program was built without the portals: their addresses say how to add them (make portals).");
    }
    println!("\nSign-ins, all with the password {}\n", demo::PASSWORD);
    for p in demo::PEOPLE.iter().filter(|p| p.shown) {
        println!("  {:<16} {:<40} {base}/office", role_text(p.role.as_str()), p.email);
    }
    for c in told.client.iter().chain(&told.others) {
        let at = if c.brand == demo::BRAND { &base } else { &other };
        println!("  {:<16} {:<40} {at}/", "client", c.email);
    }
    if let Some(c) = &told.partner {
        println!("  {:<16} {:<40} {base}/partner", "partner", c.email);
    }
    println!("\nPlay the main story:  quarterdeck story alex --url {base}");
    println!(
        "Check the books:      quarterdeck verify --config {}",
        dir.join(demo::CONFIG_FILE).display()
    );
    println!("Ctrl-C stops it.");
}

/// Everybody knows the demo's password, and nobody guards the sandbox's switches.
fn warning(at: SocketAddr) -> Option<String> {
    (!at.ip().is_loopback()).then(|| {
        format!(
            "WARNING: the demo listens on {at}, which other machines can reach. Its passwords are public, second factors are off, and the\n\
             sandbox under /sandbox takes orders from anybody. Never put anything real into it; QD_LISTEN=127.0.0.1:{} keeps it to this machine.",
            at.port()
        )
    })
}

fn role_text(role: &str) -> String {
    role.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_that_others_can_reach_says_so() {
        assert!(warning("127.0.0.1:8080".parse().unwrap()).is_none());
        assert!(warning("[::1]:8080".parse().unwrap()).is_none());
        assert!(warning("0.0.0.0:8080".parse().unwrap()).unwrap().contains("WARNING"));
        assert!(warning("192.0.2.7:8080".parse().unwrap()).is_some());
    }
}
