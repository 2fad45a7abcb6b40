//! Statements on a connection of `tokio-postgres`.

use tokio_postgres::types::{ToSql, Type};

use crate::postgres::error::StatementError;
use crate::postgres::statement::{Answer, Cell, Parameter, Row, Statements};

/// One connection, which the host has opened and runs. Statements wait for those before them, and when it breaks, all
/// later ones fail; [`Reconnecting`](super::Reconnecting) opens another one.
impl Statements for tokio_postgres::Client {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        Box::pin(async move {
            let typed: Vec<(&(dyn ToSql + Sync), Type)> = parameters.iter().map(typed).collect();
            // In one go and without a name: behind a pooler, the next message may go to another server.
            let rows = self.query_typed(statement, &typed).await?;
            rows.iter().map(row).collect()
        })
    }
}

fn typed<'a>(parameter: &'a Parameter<'a>) -> (&'a (dyn ToSql + Sync), Type) {
    match parameter {
        Parameter::Number(number) => (number, Type::INT8),
        Parameter::Text(text) => (text, Type::TEXT),
        Parameter::Bytes(bytes) => (bytes, Type::BYTEA),
    }
}

fn row(row: &tokio_postgres::Row) -> Result<Row, StatementError> {
    let cells = row.columns().iter().enumerate().map(|(index, column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Cell::Number),
            Type::TEXT => row.try_get::<_, Option<String>>(index)?.map(Cell::Text),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Cell::Bytes),
            ref other => {
                let message = format!("a column has the type {other}, which was not asked for");
                return Err(StatementError::refused(message));
            }
        }
        .unwrap_or(Cell::Null))
    });
    Ok(Row::new(cells.collect::<Result<_, _>>()?))
}
