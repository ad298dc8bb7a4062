package policy

// The plain types have the fields without the methods.
type (
	plainPolicy Policy
	plainArch   Arch
	plainRule   Rule
	plainFilter Filter
)

// UnmarshalJSON reads the object and keeps what it does not know.
func (p *Policy) UnmarshalJSON(data []byte) (err error) {
	p.Extra, err = readObject(data,
		field{"defaultAction", &p.DefaultAction}, field{"defaultErrnoRet", &p.DefaultErrnoRet},
		field{"defaultErrno", &p.DefaultErrno}, field{"architectures", &p.Architectures},
		field{"archMap", &list[Arch]{&p.ArchMap}}, field{"flags", &p.Flags},
		field{"listenerPath", &p.ListenerPath}, field{"listenerMetadata", &p.ListenerMetadata},
		field{"syscalls", &list[Rule]{&p.Rules}})
	p.Architectures, p.Flags = orNil(p.Architectures), orNil(p.Flags)
	return err
}

// MarshalJSON writes every list that readers expect, even if it is empty.
func (p Policy) MarshalJSON() ([]byte, error) {
	if p.Rules == nil {
		p.Rules = []Rule{}
	}
	return writeObject(plainPolicy(p), p.Extra)
}

// UnmarshalJSON reads the object and keeps what it does not know.
func (a *Arch) UnmarshalJSON(data []byte) (err error) {
	a.Extra, err = readObject(data, field{"architecture", &a.Arch}, field{"subArchitectures", &a.SubArches})
	a.SubArches = orNil(a.SubArches)
	return err
}

// MarshalJSON writes the object with what was not known.
func (a Arch) MarshalJSON() ([]byte, error) {
	a.SubArches = orEmpty(a.SubArches)
	return writeObject(plainArch(a), a.Extra)
}

// UnmarshalJSON takes name, the form of old profiles, for names.
func (r *Rule) UnmarshalJSON(data []byte) (err error) {
	var name string
	r.Extra, err = readObject(data,
		field{"names", &r.Names}, field{"name", &name}, field{"action", &r.Action},
		field{"errnoRet", &r.ErrnoRet}, field{"errno", &r.Errno}, field{"args", &list[Arg]{&r.Args}},
		field{"comment", &r.Comment}, field{"includes", &r.Includes}, field{"excludes", &r.Excludes})
	r.Names = orNil(r.Names)
	switch {
	case err != nil || name == "":
		return err
	case r.Names != nil:
		return errBothNames
	}
	r.Names = []string{name}
	return nil
}

// MarshalJSON writes the object with what was not known.
func (r Rule) MarshalJSON() ([]byte, error) {
	r.Names = orEmpty(r.Names)
	return writeObject(plainRule(r), r.Extra)
}

// UnmarshalJSON reads the object and keeps what it does not know.
func (a *Arg) UnmarshalJSON(data []byte) (err error) {
	a.Extra, err = readObject(data, field{"index", &a.Index}, field{"value", &a.Value},
		field{"valueTwo", &a.ValueTwo}, field{"op", &a.Op})
	return err
}

// MarshalJSON writes the object with what was not known.
func (a Arg) MarshalJSON() ([]byte, error) { return writeObject(a.LinuxSeccompArg, a.Extra) }

// UnmarshalJSON reads the object and keeps what it does not know.
func (f *Filter) UnmarshalJSON(data []byte) (err error) {
	f.Extra, err = readObject(data, field{"caps", &f.Caps}, field{"arches", &f.Arches}, field{"minKernel", &f.MinKernel})
	f.Caps, f.Arches = orNil(f.Caps), orNil(f.Arches)
	return err
}

// MarshalJSON writes the object with what was not known.
func (f Filter) MarshalJSON() ([]byte, error) { return writeObject(plainFilter(f), f.Extra) }

// orNil makes a list that is empty one that is absent: they mean the same.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
