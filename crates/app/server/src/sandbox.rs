//! `quarterdeck sandbox`: only the counterparties, for tests of one's own and for a brokerage
//! whose server runs elsewhere.

use crate::cli::SandboxArgs;
use crate::listen;
use qd_kernel::{Env, Result};
use qd_sandbox::{Sandbox, demo_config};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

pub async fn run(args: SandboxArgs) -> Result<ExitCode> {
    let stop = listen::stop_signal();
    let (listener, at) = listen::bind(args.listen).await?;
    let sandbox = start(at, args.data, Some(&args.hook_base), args.quiet_market, args.any_port).await?;
    print(&sandbox, at);
    let router = sandbox.router().nest("/sandbox", sandbox.router());
    listen::serve(listener, listen::Door::new(router), stop).await;
    sandbox.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// The demo's counterparties, reachable at `at` under `/sandbox`.
pub async fn start(at: SocketAddr, data: Option<PathBuf>, hook_base: Option<&str>, quiet: bool, any_port: bool) -> Result<Sandbox> {
    let mut config = demo_config(data, at);
    if any_port {
        let any = SocketAddr::new(at.ip(), 0);
        config.mt5.iter_mut().for_each(|s| s.tls_listen = Some(any));
        config.smtp_listen = Some(any);
    }
    if let Some(h) = hook_base {
        config.hook_base = h.trim_end_matches('/').to_string();
    }
    config.simulate_traders = !quiet;
    Sandbox::start(config, Env::system()).await
}

fn print(sandbox: &Sandbox, at: SocketAddr) {
    let cfg = &sandbox.shared().cfg;
    println!("http {at}");
    for (name, addr) in sandbox.addresses() {
        println!("{name} {addr}");
    }
    println!();
    for s in &cfg.mt5 {
        println!(
            "mt5 {}: manager {} password {} zone {}",
            s.name, s.manager_login, s.manager_password, s.tz
        );
    }
    for s in &cfg.stripe {
        println!(
            "stripe {}: key {} webhook secret {} api http://{at}/stripe",
            s.connection, s.secret_key, s.webhook_secret
        );
    }
    for r in &cfg.rails {
        println!(
            "{} {}: key {} webhook secret {} api http://{at}/{}/{}",
            r.provider, r.connection, r.key, r.hook_secret, r.provider, r.connection
        );
    }
    println!("webhooks go to {}/hooks/<provider>/<connection>", cfg.hook_base);
    println!("mail page http://{at}/mail/  faults http://{at}/control/faults");
}
