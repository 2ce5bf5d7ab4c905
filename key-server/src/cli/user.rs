use std::io::{BufRead, Read};

use base64ct::{Base64UrlUnpadded, Encoding};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{CliError, Context, output};
use crate::actions::account::{Password, users};
use crate::actions::random;

/// The longest line that is read from standard input.
const LINE_LEN_MAX: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a person who may sign in to the console; prints a generated password, only now.
    #[command(after_help = "Examples:
  key-server user create --name alice
  key-server user create --name alice --password-stdin < password.txt")]
    Create(PasswordArgs),
    /// List the people.
    #[command(after_help = "Example:\n  key-server user list")]
    List,
    /// Set a person's password, and end every sign-in of theirs.
    #[command(after_help = "Examples:
  key-server user set-password --name alice
  key-server user set-password --name alice --password-stdin < password.txt")]
    SetPassword(PasswordArgs),
    /// Keep a person from signing in, and end every sign-in of theirs.
    #[command(after_help = "Example:\n  key-server user disable --name alice")]
    Disable {
        /// Who.
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Who.
    #[arg(long)]
    name: String,
    /// Take the password from the first line of standard input, instead of making one.
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn run(command: UserCommand, context: &Context) -> Result<(), CliError> {
    let (installation, now) = (&context.installation, context.stored_now());
    match command {
        UserCommand::Create(args) => {
            let password = password(&args)?;
            let user_id = users::create(installation, &args.name, &password.checked, now).await?;
            output::line(&format!("user: {user_id}"))?;
            password.tell()
        }
        UserCommand::SetPassword(args) => {
            let password = password(&args)?;
            users::set_password(installation, &args.name, &password.checked, now).await?;
            password.tell()
        }
        UserCommand::Disable { name } => {
            if users::disable(installation, &name, now).await? {
                return output::line(&format!("disabled: {name}"));
            }
            Err(CliError::Other("this person is disabled already".to_owned()))
        }
        UserCommand::List => {
            for user in installation.store().users().await? {
                let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
                output::line(&format!("{}  {}  {state}", user.user_id, user.name))?;
            }
            Ok(())
        }
    }
}

struct Given {
    checked: Password,
    /// Only a generated one is told.
    generated: Option<Zeroizing<String>>,
}

impl Given {
    fn tell(&self) -> Result<(), CliError> {
        let Some(text) = &self.generated else { return Ok(()) };
        output::line(&format!("password: {}", text.as_str()))?;
        output::line("The password is told only now.")
    }
}

fn password(args: &PasswordArgs) -> Result<Given, CliError> {
    let (text, generated) = if args.password_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().take(LINE_LEN_MAX).read_line(&mut line)?;
        (Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()), None)
    } else {
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(Zeroizing::new(random::<18>()?).as_ref()));
        (text.clone(), Some(text))
    };
    let checked = Password::try_from(text.to_string()).map_err(|error| CliError::Other(error.to_owned()))?;
    Ok(Given { checked, generated })
}
