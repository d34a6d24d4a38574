module.exports = {
  plugins: {
    'postcss-preset-mantine': {},
    'postcss-simple-vars': {
      variables: { 'narrow': '800px', 'phone': '400px' },
    },
  },
};
