// Package stepgrad makes step functions fast and trainable.
package stepgrad
