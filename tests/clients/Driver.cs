// Score what each line of standard input asks for with the client that this is compiled with, and print what became of it.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Scoring
{
    public static class Driver
    {
        public static int Main()
        {
            Console.SetIn(new System.IO.StreamReader(Console.OpenStandardInput(), new System.Text.UTF8Encoding(false)));
            for (var line = Console.In.ReadLine(); line != null; line = Console.In.ReadLine())
            {
                Ask((Dictionary<string, object>)Json.Parse(line));
            }
            return 0;
        }

        private static void Ask(Dictionary<string, object> asked)
        {
            try
            {
                var options = new ScoringOptions
                {
                    Uri = (string)asked["uri"],
                    Key = () => (string)asked["key"],
                    Timeout = TimeSpan.FromMilliseconds(Count(asked["timeout_ms"])),
                    Attempts = Count(asked["attempts"]),
                    Backoff = TimeSpan.FromMilliseconds(Count(asked["backoff_ms"])),
                };
                options.Deployment = asked.ContainsKey("deployment") ? (string)asked["deployment"] : null;
                using (var client = new ScoringClient(options))
                {
                    var rows = ((List<object>)asked["rows"]).Select(Row).ToList();
                    Console.WriteLine("{\"scores\":" + client.Score(rows, (bool)asked["in_batches"]) + "}");
                }
            }
            catch (ScoringException error)
            {
                var told = new[]
                {
                    Pair("code", error.Code), Pair("status", error.Status), Pair("model_status", error.ModelStatus),
                    Pair("row", error.Row), Pair("column", error.Column), Pair("request_id", error.RequestId),
                    Pair("attempts", error.Attempts), Pair("message", error.Detail),
                };
                Console.WriteLine("{\"error\":{" + string.Join(",", told) + "}," + Pair("text", error.Message) + "}");
            }
        }

        private static string Pair(string name, object value)
        {
            return Json.Text(name) + ":" + Json.Show(value);
        }

        private static int Count(object value)
        {
            return int.Parse(((Json.Token)value).Text, CultureInfo.InvariantCulture);
        }

        private static IEnumerable Row(object row)
        {
            var named = row as Dictionary<string, object>;
            if (named != null)
            {
                return named.ToDictionary(pair => pair.Key, pair => Cell(pair.Value));
            }
            return ((List<object>)row).Select(Cell).ToArray();
        }

        // Numbers become doubles, so that writing them is tried too.
        private static object Cell(object value)
        {
            if (value is Json.Token)
            {
                return Decimals.Double(((Json.Token)value).Text);
            }
            switch (value as string)
            {
                case "NaN!":
                    return double.NaN;
                case "Infinity!":
                    return double.PositiveInfinity;
                case "-Infinity!":
                    return double.NegativeInfinity;
                default:
                    return value;
            }
        }
    }
}
