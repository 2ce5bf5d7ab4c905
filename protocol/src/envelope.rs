//! Grant envelope (docs/PROTOCOL.md): one HPKE message (RFC 9180) in mode AuthPSK.

use base64ct::{Base64UrlUnpadded, Encoding};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{ErrorCode, ProtocolError};
use crate::ids::{ServerKeyId, decode_base64url};
use crate::secret::secret;

// The suite, named once.

/// The implementation that opens segments, too: the player has no room for a second one.
struct ChaCha20Poly1305;

impl hpke::aead::Aead for ChaCha20Poly1305 {
    type AeadImpl = simd_chacha::ChaCha20Poly1305;

    // RFC 9180, section 7.3
    const AEAD_ID: u16 = 0x0003;
}

type Kem25519 = X25519HkdfSha256;
type PrivateKey = <Kem25519 as Kem>::PrivateKey;
type PublicKey = <Kem25519 as Kem>::PublicKey;

/// The longest ciphertext of an envelope, in bytes.
pub const ENVELOPE_LEN_MAX: usize = 20_480;
/// The same in characters of base64url without padding.
const CIPHERTEXT_TEXT_LEN_MAX: usize = (ENVELOPE_LEN_MAX * 4).div_ceil(3);

/// What an envelope is for: the first part of HPKE's `info`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Label {
    Play,
    Keys,
    Title,
}

impl Label {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Play => b"keyveil/v1/grant/play",
            Self::Keys => b"keyveil/v1/grant/keys",
            Self::Title => b"keyveil/v1/grant/title",
        }
    }

    /// Binds the envelope to the exact request that asked for it.
    fn info(self, request_body: &[u8]) -> Vec<u8> {
        [self.bytes(), &[0], Sha256::digest(request_body).as_slice()].concat()
    }
}

const fn rejected(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::EnvelopeRejected, cause)
}

/// The JSON form on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// Which of the server's static keys sent it.
    pub server_key_id: ServerKeyId,
    /// HPKE's encapsulated key, 32 bytes in base64url.
    pub enc: String,
    /// HPKE's ciphertext in base64url.
    pub ciphertext: String,
}

secret! {
    /// The 32 bytes of a pre-shared key.
    PskSecret[32]
}

/// HPKE's `psk` and `psk_id`: an SDK build's secret and id, or what an API key derives to.
#[derive(Clone, Debug)]
pub struct Psk {
    id: String,
    secret: PskSecret,
}

impl Psk {
    /// `id` must not be empty (RFC 9180, section 5.1: psk and psk_id appear together).
    #[must_use]
    pub fn new(id: impl Into<String>, secret: PskSecret) -> Self {
        Self { id: id.into(), secret }
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn secret(&self) -> &PskSecret {
        &self.secret
    }

    fn bundle(&self) -> Result<PskBundle<'_>, ProtocolError> {
        PskBundle::new(self.secret.expose_secret(), self.id.as_bytes()).map_err(|_| rejected("empty psk id"))
    }
}

/// The server's static X25519 key, which authenticates every envelope.
#[derive(Clone)]
pub struct ServerKey {
    id: ServerKeyId,
    private: PrivateKey,
    public: PublicKey,
}

impl ServerKey {
    /// From 32 bytes of a secure random source.
    ///
    /// # Errors
    /// None for 32 bytes; the type keeps the library's.
    pub fn from_bytes(id: ServerKeyId, bytes: &[u8; 32]) -> Result<Self, ProtocolError> {
        let private = PrivateKey::from_bytes(bytes).map_err(|_| rejected("server key bytes"))?;
        let public = Kem25519::sk_to_pk(&private);
        Ok(Self { id, private, public })
    }

    /// From both halves, of which the public one was computed before: to do that costs a quarter of a seal. With another key's half
    /// nobody opens what is sealed.
    ///
    /// # Errors
    /// None for 32 bytes; the type keeps the library's.
    pub fn from_halves(public: &ServerPublicKey, private: &[u8; 32]) -> Result<Self, ProtocolError> {
        let private = PrivateKey::from_bytes(private).map_err(|_| rejected("server key bytes"))?;
        Ok(Self { id: public.id.clone(), private, public: public.key.clone() })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &ServerKeyId {
        &self.id
    }

    /// The half that players pin.
    #[must_use]
    pub fn public_key(&self) -> ServerPublicKey {
        ServerPublicKey { id: self.id.clone(), key: self.public.clone() }
    }
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKey({}, [redacted])", self.id)
    }
}

/// A pinned server key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPublicKey {
    id: ServerKeyId,
    key: PublicKey,
}

impl ServerPublicKey {
    /// From the 32 bytes of the public key.
    ///
    /// # Errors
    /// None for 32 bytes; the type keeps the library's.
    pub fn from_bytes(id: ServerKeyId, bytes: &[u8; 32]) -> Result<Self, ProtocolError> {
        Ok(Self { id, key: public_key(bytes)? })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &ServerKeyId {
        &self.id
    }

    /// The 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes().into()
    }
}

/// The public half of an [`Exchange`], as a request carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientPublicKey(PublicKey);

impl RecipientPublicKey {
    /// # Errors
    /// `public_key_invalid` unless the text is base64url of 32 bytes. Points of small order are refused when sealing.
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        let bytes = decode_base64url(text).ok_or(ProtocolError::new(ErrorCode::PublicKeyInvalid, "not 32 bytes"))?;
        public_key(&bytes).map(Self)
    }
}

impl std::fmt::Display for RecipientPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0.to_bytes()))
    }
}

/// The recipient's side of one request: an X25519 key that opens one envelope and is then gone.
pub struct Exchange {
    private: PrivateKey,
    public: PublicKey,
}

impl Exchange {
    /// A new ephemeral key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The ephemeral key that 32 random bytes derive to (RFC 9180, section 4: DeriveKeyPair of Nsk random bytes). One seed serves one
    /// request: a player keeps it, masked, until the answer comes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let (private, public) = Kem25519::derive_keypair(seed);
        Self { private, public }
    }

    /// What to send.
    #[must_use]
    pub fn public_key(&self) -> RecipientPublicKey {
        RecipientPublicKey(self.public.clone())
    }

    /// Opens what answers `request_body`. The public ways to here consume the key, so none opens an answer to another
    /// request with it.
    pub(crate) fn open(
        &self,
        label: Label,
        request_body: &[u8],
        envelope: &Envelope,
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<Zeroizing<Vec<u8>>, ProtocolError> {
        if envelope.server_key_id != server_key.id {
            return Err(ProtocolError::new(ErrorCode::ServerKeyUnknown, "envelope of another server key"));
        }
        if envelope.ciphertext.len() > CIPHERTEXT_TEXT_LEN_MAX {
            return Err(rejected("ciphertext over its limit"));
        }
        let enc: [u8; 32] = decode_base64url(&envelope.enc).ok_or(rejected("enc is not 32 bytes"))?;
        let enc = <Kem25519 as Kem>::EncappedKey::from_bytes(&enc).map_err(|_| rejected("enc"))?;
        let ciphertext =
            Base64UrlUnpadded::decode_vec(&envelope.ciphertext).map_err(|_| rejected("ciphertext is not base64url"))?;
        let mode = OpModeR::AuthPsk(server_key.key.clone(), psk.bundle()?);
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem25519>(
            &mode,
            &self.private,
            &enc,
            &label.info(request_body),
            &ciphertext,
            b"",
        )
        .map(Zeroizing::new)
        .map_err(|_| rejected("HPKE"))
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange([redacted])")
    }
}

/// All that sealing needs besides the plaintext.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// The exact request body that asked.
    pub request_body: &'a [u8],
    /// The key it carried.
    pub recipient: &'a RecipientPublicKey,
    /// The sender.
    pub server_key: &'a ServerKey,
    /// The secret shared with the recipient.
    pub psk: &'a Psk,
}

impl Sealing<'_> {
    pub(crate) fn seal(
        &self,
        label: Label,
        mut plaintext: Zeroizing<Vec<u8>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Envelope, ProtocolError> {
        let server_key = self.server_key;
        let mode = OpModeS::AuthPsk((server_key.private.clone(), server_key.public.clone()), self.psk.bundle()?);
        let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem25519>(
            &mode,
            &self.recipient.0,
            &label.info(self.request_body),
            &plaintext,
            b"",
            rng,
        )
        // The one way to fail here is a shared secret of zero (RFC 9180, section 7.1.4): the recipient's point is at fault.
        .map_err(|_| ProtocolError::new(ErrorCode::PublicKeyInvalid, "point of small order"))?;
        plaintext.zeroize();
        Ok(Envelope {
            server_key_id: server_key.id.clone(),
            enc: Base64UrlUnpadded::encode_string(&enc.to_bytes()),
            ciphertext: Base64UrlUnpadded::encode_string(&ciphertext),
        })
    }
}

fn public_key(bytes: &[u8; 32]) -> Result<PublicKey, ProtocolError> {
    PublicKey::from_bytes(bytes).map_err(|_| ProtocolError::new(ErrorCode::PublicKeyInvalid, "public key bytes"))
}
