package audit

import "math/bits"

// Serials tells from the serial numbers of audit events how many never arrived. The kernel gives each event the next
// number, and drops some when a reader is too slow or there are too many a second (audit_rate_limit).
type Serials struct {
	begun bool
	next  uint32 // what is expected after all that came
	// seen has a bit for each of the window numbers before next: CPUs overtake each other.
	seen    [window / 64]uint64
	known   uint32 // numbers since the first one, at most window
	missing uint64 // that left the window without having come
}

// window is far more than the CPUs of a host can be out of order by.
const window = 4096

// Saw takes the number of a record. Those of one event have the same.
func (s *Serials) Saw(serial uint32) {
	if !s.begun {
		s.begun, s.next = true, serial
	}
	ahead := serial - s.next // wraps around, as the kernel's counter does
	if ahead >= 1<<31 {      // it comes late, or from before the first one
		if behind := s.next - serial; behind <= s.known {
			s.set(serial)
		}
		return
	}
	if ahead > 2*window {
		s.missing += uint64(ahead-window) + s.holes()
		s.next, s.known, s.seen = serial, window, [window / 64]uint64{}
	}
	for s.next != serial+1 {
		s.step()
	}
	s.set(serial)
}

// step makes room for one more number.
func (s *Serials) step() {
	word, bit := s.place(s.next)
	if s.known == window && s.seen[word]&bit == 0 {
		s.missing++
	}
	s.seen[word] &^= bit
	s.next++
	s.known = min(s.known+1, window)
}

func (s *Serials) set(serial uint32) {
	word, bit := s.place(serial)
	s.seen[word] |= bit
}

func (s *Serials) place(serial uint32) (word int, bit uint64) {
	return int(serial % window / 64), 1 << (serial % 64)
}

// holes are the numbers in the window that have not come.
func (s *Serials) holes() uint64 {
	n := uint64(s.known)
	for _, word := range s.seen {
		n -= uint64(bits.OnesCount64(word))
	}
	return n
}

// Missing is how many numbers between the first and the last one did not come, so far.
func (s *Serials) Missing() uint64 { return s.missing + s.holes() }
