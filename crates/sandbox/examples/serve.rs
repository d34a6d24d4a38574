//! Only the counterparties, in memory: `cargo run -p qd-sandbox --example serve -- 127.0.0.1:8090`.

use qd_kernel::Env;
use qd_sandbox::{ConnId, Sandbox, demo_config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at: std::net::SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8090").parse()?;
    let listener = tokio::net::TcpListener::bind(at).await?;
    let sandbox = Sandbox::start(demo_config(None, listener.local_addr()?), Env::system()).await?;
    for (name, addr) in sandbox.addresses() {
        println!("{name} {addr}");
    }
    println!("http {}", listener.local_addr()?);
    let app = sandbox.router().nest("/sandbox", sandbox.router());
    axum::serve(listener, app.into_make_service_with_connect_info::<ConnId>()).await?;
    Ok(())
}
