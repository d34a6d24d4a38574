fn main() -> std::process::ExitCode {
    qd_server::main()
}
