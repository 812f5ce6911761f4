package devices

// CanPin is the capability of a sign that believes a set of server keys, which
// it can be told.
const CanPin Capabilities = 1024

// ServerKey names the key of a server: SHA-256 of its SubjectPublicKeyInfo.
type ServerKey [32]byte

// ServerKeys is the set of server keys that a sign shall believe. Number rises
// with every set of a sign.
type ServerKeys struct {
	Number uint32
	Keys   []ServerKey // 1 to 4
}
