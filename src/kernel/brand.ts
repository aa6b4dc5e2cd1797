/**
 * Brands for coordinates that are fatal to mix up: two numbers of different brands do not assign to each other.
 * The module that owns a brand is the only one that makes it.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
