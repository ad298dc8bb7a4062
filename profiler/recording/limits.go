package recording

// MaxSize bounds a recording file, in bytes. The largest real ones (every call
// of two ABIs in a dozen phases) stay below 2 MiB.
const MaxSize = 64 << 20

const (
	maxReasonName = 64 // bytes
	maxNr         = 1<<30 - 1
)
