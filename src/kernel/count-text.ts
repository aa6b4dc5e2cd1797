/** `12,034`: a whole number for people, the same in every locale. */
export const countText = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
