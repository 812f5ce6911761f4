package main

import "context"

// faultKey is under which a test puts a hook into the context of run. The hook
// is called before and after every commit and every network write to a sign,
// with the name of the point, so that a test can end the process exactly there.
// The product never sets it.
type faultKey struct{}

// faultHook returns the hook of ctx, nil in the product.
func faultHook(ctx context.Context) func(point string) {
	hook, _ := ctx.Value(faultKey{}).(func(string))
	return hook
}
