// Style sheets of libraries, as the text that they are.
declare module "*.css" {
  const text: string;
  export default text;
}
