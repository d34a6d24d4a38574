//! `quarterdeck migrate`.

use crate::cli::ConfigArgs;
use crate::settings;
use qd_kernel::Result;
use std::process::ExitCode;

pub async fn run(args: ConfigArgs) -> Result<ExitCode> {
    let (config, _) = settings::load(&args)?;
    let db = qd_app::open_database(&config.database).await?;
    match db.migrate().await? {
        0 => println!("nothing to do: the database is at version {}", qd_db::MIGRATIONS.len()),
        n => println!("applied {n} migrations: the database is at version {}", qd_db::MIGRATIONS.len()),
    }
    Ok(ExitCode::SUCCESS)
}
